//! Values as Python writes them (`repr`), read as JSON: numbers, texts, lists, tuples, dictionaries. They come from a program that a
//! model wrote: depth is limited, and what is none of these is nothing.

use serde_json::{Map, Number, Value};

/// Lists inside lists.
const MAX_DEPTH: usize = 24;
/// Results of floating point agree to so many parts of their size.
const TOLERANCE: f64 = 1e-9;
/// Whole numbers beyond this are not exact in JSON once they are no longer 64 bits wide.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether all numbers of a JSON value are what somebody wrote.
pub(super) fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.abs() < EXACT),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(map) => map.values().all(is_exact),
        _ => true,
    }
}

/// Whether two values are equal as Python sees them, except that true is not 1, and that floating point has some room.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => is_same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| is_same(value, other)))
        }
        _ => a == b,
    }
}

fn is_same_number(a: &Number, b: &Number) -> bool {
    let is_whole = |number: &Number| number.is_i64() || number.is_u64();
    if is_whole(a) && is_whole(b) {
        return a == b;
    }
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
        _ => false,
    }
}

/// The value that a text writes, all of it.
pub(super) fn parse(text: &str) -> Option<Value> {
    let text: Vec<char> = text.trim().chars().collect();
    let mut reader = Reader { text: &text, at: 0 };
    let value = reader.value(0)?;
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// Goes on behind `wanted`, if it stands here.
    fn take(&mut self, wanted: &str) -> bool {
        let n = wanted.chars().count();
        let is_here = self.text.len() - self.at >= n && self.text[self.at..self.at + n].iter().copied().eq(wanted.chars());
        self.at += if is_here { n } else { 0 };
        is_here
    }

    fn spaces(&mut self) {
        while self.take(" ") {}
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            '[' => self.items("[", "]", depth).map(|(items, _)| Value::Array(items)),
            // (1) is 1 in brackets, which repr does not write; a tuple of one is (1,).
            '(' => self.items("(", ")", depth).filter(|(items, comma)| items.len() != 1 || *comma).map(|(items, _)| Value::Array(items)),
            '{' => self.dictionary(depth),
            '\'' | '"' => self.string().map(Value::String),
            'T' => self.take("True").then_some(Value::Bool(true)),
            'F' => self.take("False").then_some(Value::Bool(false)),
            'N' => self.take("None").then_some(Value::Null),
            _ => self.number(),
        }
    }

    /// Values between two brackets, and whether a comma stands behind the last.
    fn items(&mut self, open: &str, close: &str, depth: usize) -> Option<(Vec<Value>, bool)> {
        self.take(open).then_some(())?;
        let mut items = Vec::new();
        let mut comma = true;
        loop {
            self.spaces();
            if self.take(close) {
                return Some((items, comma));
            }
            // Behind a value without a comma only the end may stand.
            comma.then_some(())?;
            items.push(self.value(depth + 1)?);
            self.spaces();
            comma = self.take(",");
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.take("{").then_some(())?;
        let mut map = Map::new();
        let mut comma = true;
        loop {
            self.spaces();
            if self.take("}") {
                return Some(Value::Object(map));
            }
            comma.then_some(())?;
            let key = match self.value(depth + 1)? {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            self.take(":").then_some(())?;
            self.spaces();
            map.insert(key, self.value(depth + 1)?);
            self.spaces();
            comma = self.take(",");
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.peek()?;
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.peek()?;
            self.at += 1;
            match c {
                c if c == quote => return Some(text),
                '\\' => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    /// The character behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            '\\' | '\'' | '"' => Some(c),
            'x' => self.code(2),
            'u' => self.code(4),
            'U' => self.code(8),
            _ => None,
        }
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let text: String = self.text.get(self.at..self.at + digits)?.iter().collect();
        self.at += digits;
        u32::from_str_radix(&text, 16).ok().and_then(char::from_u32)
    }

    fn number(&mut self) -> Option<Value> {
        let begin = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e')) {
            self.at += 1;
        }
        let text: String = self.text[begin..self.at].iter().collect();
        let is_whole = text.strip_prefix('-').unwrap_or(&text).chars().all(|c| c.is_ascii_digit());
        if is_whole {
            let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
            return number.ok().map(Value::Number);
        }
        text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_as_python_writes_them() {
        for (text, expected) in [
            ("7", json!(7)),
            ("-12", json!(-12)),
            ("18446744073709551615", json!(u64::MAX)),
            ("2.5", json!(2.5)),
            ("1e+16", json!(1e16)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("[]", json!([])),
            ("[1, 'a', [2.0, False]]", json!([1, "a", [2.0, false]])),
            ("('a', 3)", json!(["a", 3])),
            ("(1,)", json!([1])),
            ("()", json!([])),
            (r#""it's""#, json!("it's")),
            (r"'a\n\\\x41\u00e9\U0001f600'", json!("a\n\\A\u{e9}\u{1f600}")),
            ("{'a': 1, 2: [3]}", json!({"a": 1, "2": [3]})),
            ("{}", json!({})),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_nothing() {
        let deep = "[".repeat(50_000);
        let huge = "9".repeat(50_000);
        for text in [
            "",
            "x",
            "[1",
            "[1 2]",
            "[,]",
            "[1,,2]",
            "(1)",
            "1 2",
            "--1",
            "'a",
            r"'\q'",
            r"'\x4'",
            "{1, 2}",
            "{'a'}",
            "{'a': }",
            "{[1]: 2}",
            "inf",
            "nan",
            "<object>",
            "TrueFalse",
            "Tru",
            "1e999",
            &deep,
            &huge,
        ] {
            assert_eq!(parse(text), None, "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn equal_as_python_sees_it() {
        for (a, b, expected) in [
            (json!(2), json!(2.0), true),
            (json!(0.3), json!(0.1 + 0.2), true),
            (json!(1), json!(true), false),
            (json!("1"), json!(1), false),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), true),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (json!(0.0), json!(1e-12), false),
        ] {
            assert_eq!(is_same(&a, &b), expected, "{a} and {b}");
        }
        assert!(is_exact(&json!([1, {"a": 0.5}])) && !is_exact(&json!([1e300])));
    }
}
