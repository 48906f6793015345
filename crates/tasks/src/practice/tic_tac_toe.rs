//! Tic-tac-toe positions: whoever is to move names a cell, and every move that an exhaustive search finds best is right.

use base::rng::Rng;
use serde_json::json;

use super::Problem;
use super::generator::Draft;
use crate::problems::same_value;

/// Nine cells, row by row: `X`, `O` or empty.
type Board = [Option<Mark>; 9];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    X,
    O,
}

impl Mark {
    fn other(self) -> Mark {
        match self {
            Mark::X => Mark::O,
            Mark::O => Mark::X,
        }
    }

    fn letter(mark: Option<Mark>) -> char {
        match mark {
            Some(Mark::X) => 'X',
            Some(Mark::O) => 'O',
            None => '.',
        }
    }
}

const LINES: [[usize; 3]; 8] = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

/// A quarter turn, and a mirror: cell `i` of the new board is cell `TURN[i]` of the old one.
const TURN: [usize; 9] = [6, 3, 0, 7, 4, 1, 8, 5, 2];
const MIRROR: [usize; 9] = [2, 1, 0, 5, 4, 3, 8, 7, 6];

fn has_won(board: &Board, mark: Mark) -> bool {
    LINES.iter().any(|line| line.iter().all(|&cell| board[cell] == Some(mark)))
}

fn empty_cells(board: &Board) -> Vec<usize> {
    (0..9).filter(|&cell| board[cell].is_none()).collect()
}

/// 1 where `mark`, who is to move, can win, 0 for a draw, -1 where all is lost.
fn worth(board: &mut Board, mark: Mark) -> i8 {
    if has_won(board, mark.other()) {
        return -1;
    }
    let cells = empty_cells(board);
    if cells.is_empty() {
        return 0;
    }
    cells.into_iter().map(|cell| worth_of_move(board, mark, cell)).max().unwrap_or(0)
}

fn worth_of_move(board: &mut Board, mark: Mark, cell: usize) -> i8 {
    board[cell] = Some(mark);
    let worth = -worth(board, mark.other());
    board[cell] = None;
    worth
}

/// The empty cells that are worth most to `mark`.
fn best_moves(board: &Board, mark: Mark) -> Vec<usize> {
    let mut board = *board;
    let worths: Vec<(usize, i8)> = empty_cells(&board).into_iter().map(|cell| (cell, worth_of_move(&mut board, mark, cell))).collect();
    let best = worths.iter().map(|&(_, worth)| worth).max();
    worths.into_iter().filter(|&(_, worth)| Some(worth) == best).map(|(cell, _)| cell).collect()
}

/// Positions in which not every move is best; the more cells are empty, the higher the level.
pub(super) fn draw(rng: &mut Rng, level: usize) -> Draft {
    loop {
        let empty = match level {
            1 => rng.range(2, 3),
            2 => rng.range(4, 5),
            _ => rng.range(6, 7),
        };
        let Some(board) = played(rng, 9 - empty as usize) else { continue };
        let mark = if empty % 2 == 1 { Mark::X } else { Mark::O };
        let best = best_moves(&board, mark);
        if best.len() < empty as usize {
            return draft(&board, mark, &best);
        }
    }
}

/// A position after so many random moves; `None` where somebody has won by then.
fn played(rng: &mut Rng, moves: usize) -> Option<Board> {
    let mut cells: Vec<usize> = (0..9).collect();
    rng.shuffle(&mut cells);
    let mut board: Board = [None; 9];
    for (turn, &cell) in cells[..moves].iter().enumerate() {
        board[cell] = Some(if turn % 2 == 0 { Mark::X } else { Mark::O });
    }
    (!has_won(&board, Mark::X) && !has_won(&board, Mark::O)).then_some(board)
}

fn draft(board: &Board, mark: Mark, best: &[usize]) -> Draft {
    let letters: Vec<String> = board.iter().map(|&mark| Mark::letter(mark).to_string()).collect();
    let rows: Vec<String> = letters.chunks(3).map(|row| row.join(" ")).collect();
    let best: Vec<usize> = best.iter().map(|cell| cell + 1).collect();
    Draft {
        key: format!("tic_tac_toe {}", smallest_turn(board)),
        question: format!(
            "Tic-tac-toe, the cells numbered 1 to 9 row by row:\n{}\n{} moves. Which cell is best? Answer with its number.",
            rows.join("\n"),
            Mark::letter(Some(mark))
        ),
        answer: best[0].to_string(),
        metadata: json!({ "board": letters.concat(), "best": best }),
    }
}

/// The first in order of a board's eight turned and mirrored forms: the same for all of them.
fn smallest_turn(board: &Board) -> String {
    let mut forms = Vec::new();
    let mut turned = *board;
    for _ in 0..4 {
        turned = TURN.map(|cell| turned[cell]);
        for form in [turned, MIRROR.map(|cell| turned[cell])] {
            forms.push(form.iter().map(|&mark| Mark::letter(mark)).collect::<String>());
        }
    }
    forms.into_iter().min().unwrap_or_default()
}

/// Whether a value is the number of a best cell; of a position that somebody else made, of the one cell that stands there as the answer.
pub(super) fn is_right(problem: &Problem, value: &str) -> bool {
    match problem.metadata["best"].as_array() {
        Some(best) => best.iter().any(|cell| same_value(value, &cell.to_string())),
        None => same_value(value, &problem.answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(text: &str) -> Board {
        let cells: Vec<Option<Mark>> = text.chars().map(|c| [Mark::X, Mark::O].into_iter().find(|&m| Mark::letter(Some(m)) == c)).collect();
        cells.try_into().unwrap()
    }

    #[test]
    fn the_search_finds_known_moves() {
        for (position, mark, expected) in [
            ("XX.OO....", Mark::X, vec![2]),          // win
            ("XX..O....", Mark::O, vec![2]),          // or lose
            ("X........", Mark::O, vec![4]),          // the one answer to a corner
            ("....X....", Mark::O, vec![0, 2, 6, 8]), // and to the centre
            ("X...O...X", Mark::O, vec![1, 3, 5, 7]), // a corner would lose
        ] {
            assert_eq!(best_moves(&board(position), mark), expected, "{position}");
        }
        assert_eq!(worth(&mut [None; 9], Mark::X), 0);
    }

    #[test]
    fn turned_and_mirrored_boards_are_one_problem() {
        let key = |text: &str| smallest_turn(&board(text));
        assert_eq!([".OX.....X", "X.....XO.", "X.X..O..."].map(key), ["XO....X.."; 3].map(key));
        assert_ne!(key("OX....X.."), key("XO....X.."));
    }
}
