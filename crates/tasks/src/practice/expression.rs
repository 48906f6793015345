//! Arithmetic as people write it, evaluated exactly: whole numbers, `+ - * /` and brackets. Text from outside: its length, its depth
//! and its numbers are limited, and nothing overflows.

/// A longer text is no expression.
const MAX_BYTES: usize = 400;
/// Brackets inside brackets.
const MAX_DEPTH: usize = 32;
/// A number beyond this is none.
const MAX_NUMBER: i128 = 1_000_000_000_000;

/// A fraction in lowest terms, above a whole number that is more than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    above: i128,
    below: i128,
}

impl Fraction {
    /// A whole number.
    pub(super) fn whole(number: i64) -> Fraction {
        Fraction { above: i128::from(number), below: 1 }
    }

    /// `None` for a division by zero.
    fn new(above: i128, below: i128) -> Option<Fraction> {
        let shared = gcd(above.checked_abs()?, below.checked_abs()?);
        let sign = below.signum();
        (below != 0).then(|| Fraction { above: sign * above / shared, below: sign * below / shared })
    }

    fn plus(self, other: Fraction) -> Option<Fraction> {
        let above = self.above.checked_mul(other.below)?.checked_add(other.above.checked_mul(self.below)?)?;
        Fraction::new(above, self.below.checked_mul(other.below)?)
    }

    fn negative(self) -> Fraction {
        Fraction { above: -self.above, below: self.below }
    }

    fn times(self, other: Fraction) -> Option<Fraction> {
        Fraction::new(self.above.checked_mul(other.above)?, self.below.checked_mul(other.below)?)
    }

    fn over(self, other: Fraction) -> Option<Fraction> {
        Fraction::new(self.above.checked_mul(other.below)?, self.below.checked_mul(other.above)?)
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The value of an expression, and the numbers in it as they stand; `None` for whatever is none, or has no value.
pub(super) fn evaluate(text: &str) -> Option<(Fraction, Vec<i64>)> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let plain: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    let mut reader = Reader { text: &plain, at: 0, depth: 0, numbers: Vec::new() };
    // "1 2" must not become 12.
    let split_number = text.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let joins = |pair: &[&str]| pair[0].ends_with(|c: char| c.is_ascii_digit()) && pair[1].starts_with(|c: char| c.is_ascii_digit());
    if split_number.windows(2).any(joins) {
        return None;
    }
    let value = reader.sum()?;
    (reader.at == plain.len()).then_some((value, reader.numbers))
}

/// A place in an expression. Each part reads as far as it belongs to it.
struct Reader<'a> {
    text: &'a [char],
    at: usize,
    depth: usize,
    numbers: Vec<i64>,
}

impl Reader<'_> {
    /// The next character, if it is one of these.
    fn take(&mut self, wanted: &[char]) -> Option<char> {
        let found = *self.text.get(self.at).filter(|c| wanted.contains(c))?;
        self.at += 1;
        Some(found)
    }

    fn sum(&mut self) -> Option<Fraction> {
        let mut value = self.product()?;
        while let Some(sign) = self.take(&['+', '-', '\u{2212}']) {
            let next = self.product()?;
            value = value.plus(if sign == '+' { next } else { next.negative() })?;
        }
        Some(value)
    }

    fn product(&mut self) -> Option<Fraction> {
        let mut value = self.part()?;
        while let Some(sign) = self.take(&['*', '\u{d7}', '/', '\u{f7}']) {
            let next = self.part()?;
            value = if matches!(sign, '*' | '\u{d7}') { value.times(next)? } else { value.over(next)? };
        }
        Some(value)
    }

    /// A number, or brackets.
    fn part(&mut self) -> Option<Fraction> {
        if self.take(&['(']).is_none() {
            return self.number();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = self.sum()?;
        self.depth -= 1;
        self.take(&[')']).map(|_| value)
    }

    fn number(&mut self) -> Option<Fraction> {
        let begin = self.at;
        let mut number: i128 = 0;
        while let Some(digit) = self.text.get(self.at).and_then(|c| c.to_digit(10)) {
            number = number * 10 + i128::from(digit);
            if number > MAX_NUMBER {
                return None;
            }
            self.at += 1;
        }
        if self.at == begin {
            return None;
        }
        self.numbers.push(number as i64);
        Some(Fraction::whole(number as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact() {
        for (text, above, below) in [
            ("7", 7, 1),
            ("1+2*3", 7, 1),
            ("(1 + 2) * 3", 9, 1),
            ("8 / (3 - 8 / 3)", 24, 1),
            ("1/3 + 1/6", 1, 2),
            ("2 - 3 - 4", -5, 1),
            ("48 / 4 / 3", 4, 1),
            ("((((5))))", 5, 1),
            ("3 \u{d7} 4 \u{2212} 6 \u{f7} 2", 9, 1),
            ("1 / (2 - 3)", -1, 1),
            ("0 / 5", 0, 1),
        ] {
            assert_eq!(evaluate(text).map(|found| found.0), Fraction::new(above, below), "{text}");
        }
        assert_eq!(evaluate("25*(3-1)+3").map(|found| found.1), Some(vec![25, 3, 1, 3]));
    }

    #[test]
    fn what_is_no_expression_has_no_value() {
        let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
        let endless = "1+".repeat(100_000);
        let never_closed = "(".repeat(100_000);
        let huge = "9".repeat(300);
        let overflowing = vec!["999999999999"; 20].join("*");
        for text in [
            "",
            " ",
            "1 2",
            "1 2 + 3",
            "+1",
            "-1",
            "1 +",
            "1 + + 2",
            "(1",
            "1)",
            "()",
            "2(3)",
            "1 = 1",
            "1.5",
            "1,000",
            "2**3",
            "2^3",
            "1 / 0",
            "1 / (2 - 2)",
            "one",
            "1;2",
            "\u{661}",
            "1\n+2",
            "1\t+2",
            &deep,
            &endless,
            &never_closed,
            &huge,
            &overflowing,
        ] {
            assert_eq!(evaluate(text), None, "{}", &text.chars().take(40).collect::<String>());
        }
    }
}
