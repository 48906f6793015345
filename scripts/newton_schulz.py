"""The coefficients of Muon's Newton-Schulz steps, COEFFICIENTS in crates/tensor/src/optimizer.rs.

Needs the Python packages numpy and scipy. Run from the repository's root:
    python scripts/newton_schulz.py [LEAST] [STEPS]
Each step's polynomial ax + bx^3 + cx^5 is the one whose largest distance from 1 is least on the interval that the steps
before have left, from [LEAST, 1] on (Amsel et al. 2025, "The Polar Express"): a linear programme over a fine grid.
"""

import sys

import numpy as np
from scipy.optimize import linprog

least = float(sys.argv[1]) if len(sys.argv) > 1 else 0.003
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 4

low, high = least, 1.0
for step in range(steps):
    x = np.concatenate([np.geomspace(low, high, 4000), np.linspace(low, high, 4000)])
    powers = np.stack([x, x**3, x**5], axis=1)
    slack = -np.ones((len(x), 1))
    bound = linprog(
        c=[0, 0, 0, 1],
        A_ub=np.block([[powers, slack], [-powers, slack]]),
        b_ub=np.concatenate([np.ones(len(x)), -np.ones(len(x))]),
        bounds=[(None, None)] * 3 + [(0, None)],
    )
    (a, b, c), error = bound.x[:3], bound.x[3]
    low, high = 1 - error, 1 + error
    print(f"({a:.6f}, {b:.6f}, {c:.6f}): {low:.3f} to {high:.3f}")
