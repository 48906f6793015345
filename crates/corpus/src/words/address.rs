//! Web and mail addresses, which stay one word.
//!
//! The language is that of the pattern in spaCy 3.8, which comes from Diego Perini's (gist 729294) and is read by hand
//! here: `scheme://`, `user@`, a host that ends in a small-lettered top-level domain or a public IPv4 address, a port,
//! a path. Knows one piece without white space.

use super::classes::{LOWER, class};
use crate::text::{CharClass, is_decimal};
use std::sync::LazyLock;

/// Whether a whole piece is an address.
pub fn is_address(piece: &str) -> bool {
    if !piece.contains('.') {
        return false;
    }
    // The host may begin at the start, behind a scheme, or behind any `@` that something stands before.
    if is_host_and_rest(piece) {
        return true;
    }
    let behind_scheme = piece.find("://").filter(|&at| is_scheme(&piece[..at])).map(|at| &piece[at + 3..]);
    if behind_scheme.is_some_and(is_host_and_rest) {
        return true;
    }
    // A user needs one character at least, in the piece or behind the scheme: either way one before the `@`.
    piece.match_indices('@').any(|(at, _)| at > 0 && is_host_and_rest(&piece[at + 1..]))
}

/// Two or more word characters, `+`, `-` or `.`.
fn is_scheme(text: &str) -> bool {
    static WORD: LazyLock<CharClass> = LazyLock::new(|| CharClass::new(r"[\p{L}\p{N}_+.\-]"));
    text.chars().nth(1).is_some() && text.chars().all(|c| WORD.contains(c))
}

fn is_host_and_rest(text: &str) -> bool {
    let end = text.find(['/', '?', '#', ':']).unwrap_or(text.len());
    let (host, rest) = text.split_at(end);
    (is_host(host) || is_public_ip(host)) && is_port_and_path(rest)
}

fn is_port_and_path(rest: &str) -> bool {
    let Some(port) = rest.strip_prefix(':') else { return true };
    let end = port.find(['/', '?', '#']).unwrap_or(port.len());
    let port = &port[..end];
    (2..=5).contains(&port.chars().count()) && port.chars().all(is_decimal)
}

/// Labels of at most 64 characters with a letter, a digit or anything from U+00A1 on at both ends, and a top-level
/// domain of 2 to 63 small letters.
fn is_host(host: &str) -> bool {
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    let is_end = |c: char| c.is_ascii_alphanumeric() || ('\u{a1}'..='\u{ffff}').contains(&c);
    let is_label = |label: &str| {
        label.starts_with(is_end)
            && label.ends_with(is_end)
            && label.chars().all(|c| is_end(c) || c == '-' || c == '_')
            && (label.len() <= 64 || label.chars().count() <= 64)
    };
    top.chars().all(|c| class(c) & LOWER != 0) && (2..=63).contains(&top.chars().count()) && labels.split('.').all(is_label)
}

/// Four numbers, the first and the last not 0 and in the ranges of hosts, none of the private networks.
fn is_public_ip(host: &str) -> bool {
    let mut numbers = [0_u32; 4];
    let mut parts = host.split('.');
    for (i, number) in numbers.iter_mut().enumerate() {
        let Some(part) = parts.next() else { return false };
        let may_lead_with_zero = i == 1 || i == 2;
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        // One number of three digits in the middle may not begin with 0: the pattern wants 1 or 2 there.
        if part.starts_with('0') && (!may_lead_with_zero || part.len() > 2) {
            return false;
        }
        *number = part.parse().unwrap_or(u32::MAX);
    }
    let [a, b, c, d] = numbers;
    let is_private = a == 10 || a == 127 || (a == 169 && b == 254) || (a == 192 && b == 168) || (a == 172 && (16..=31).contains(&b));
    parts.next().is_none() && (1..=223).contains(&a) && b <= 255 && c <= 255 && (1..=254).contains(&d) && !is_private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_others() {
        let long = format!("{}.com", "a".repeat(64));
        let too_long = format!("{}.com", "a".repeat(65));
        for (piece, expected) in [
            ("example.com", true),
            ("www.example.co.uk:8080/a-b?c=d#e", true),
            ("http://example.com", true),
            ("a://example.com", false), // a scheme has two characters
            ("h.t+p-1://x.yz/", true),
            ("me@example.org", true),
            ("@example.org", false),
            ("mailto:me@example.org", true),
            ("a@b@c.de", true),
            ("http://user:word@example.org:80", true),
            ("example.com:8", false),
            ("example.com:123456", false),
            ("example.Com", false),
            ("Example.com", true),
            ("example.c", false),
            ("-a.com", false),
            ("a-.com", false),
            ("a-b.com", true),
            ("a_b.com", true),
            ("a..com", false),
            (".com", false),
            ("münchen.de", true),
            ("例え.日本", true),
            (&long, true),
            (&too_long, false),
            ("8.8.8.8", true),
            ("8.8.8.8:53/x", true),
            ("8.08.00.8", true),
            ("8.008.0.8", false),
            ("08.8.8.8", false),
            ("8.8.8.0", false),
            ("8.8.8.255", false),
            ("224.8.8.8", false),
            ("223.255.255.254", true),
            ("10.0.0.1", false),
            ("127.0.0.1/x", false),
            ("192.168.1.1", false),
            ("172.15.1.1", true),
            ("172.31.1.1", false),
            ("1.2.3", false),
            ("1.2.3.4.5", false),
            ("word", false),
        ] {
            assert_eq!(is_address(piece), expected, "{piece}");
        }
    }
}
