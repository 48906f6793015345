//! Tables as RFC 4180 has them: commas between cells, quotes around those that hold commas, quotes or line ends.

/// The rows of a text. Blank lines are none.
pub fn records(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            _ if quoted => cell.push(c),
            '"' if cell.is_empty() => quoted = true,
            ',' => row.push(std::mem::take(&mut cell)),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    if !row.is_empty() || !cell.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.len() > 1 || !row[0].trim().is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_quotes_and_line_ends() {
        for (text, expected) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("\u{feff}a,\"b, c\"\r\n\r\n\"d \"\"e\"\"\nf\",\r\n", vec![vec!["a", "b, c"], vec!["d \"e\"\nf", ""]]),
            ("5\" pipe,x", vec![vec!["5\" pipe", "x"]]),
            ("\"never closed,\nx", vec![vec!["never closed,\nx"]]),
            ("", vec![]),
        ] {
            assert_eq!(records(text), expected, "{text:?}");
        }
    }
}
