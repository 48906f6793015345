//! Personal data in plain sight: e-mail addresses and public IPv4 addresses, replaced by stand-ins or only found.
//!
//! What is an address is decided as datatrove's `PIIFormatter` decides it, with two stated differences. A dotted number
//! with a fifth part, or with a part above 255, is left alone as a whole; the original replaces the four parts in it
//! that could be an address and tears the rest. And the stand-ins rotate within one text, not across texts, so that a text's
//! outcome does not depend on its neighbours. Stand-ins are example.com addresses (RFC 2606) and the documentation ranges (RFC 5737).
//!
//! `1.2.3.4` alone is an address here, even where a person would read a version or a section number; so it is in the
//! original. Text in, text out; both passes look at each byte a bounded number of times. Knows nothing about web pages.

use core::net::Ipv4Addr;
use std::ops::Range;

use crate::text::is_alpha;

/// What stands in for e-mail addresses, in turn.
pub const EMAIL_STAND_INS: [&str; 2] = ["email@example.com", "firstname.lastname@example.org"];
/// What stands in for public IPv4 addresses, in turn.
pub const IP_STAND_INS: [&str; 6] = ["192.0.2.1", "198.51.100.2", "203.0.113.3", "192.0.2.4", "198.51.100.5", "203.0.113.6"];

/// What kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A public IPv4 address.
    Ip,
}

/// How many of each kind were replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// E-mail addresses.
    pub emails: u64,
    /// Public IPv4 addresses.
    pub ips: u64,
}

/// The text with stand-ins: first for e-mail addresses, then for IPv4 addresses.
pub fn replace(text: &str) -> (String, Counts) {
    let (text, emails) = replace_each(text, next_email, &EMAIL_STAND_INS);
    let (text, ips) = replace_each(&text, next_ip, &IP_STAND_INS);
    (text, Counts { emails, ips })
}

/// The first kind of personal data that a text holds. Stand-ins are none.
pub fn has_pii(text: &str) -> Option<Kind> {
    let mut at = 0;
    while let Some(found) = next_email(text, at) {
        if !EMAIL_STAND_INS.contains(&&text[found.clone()]) {
            return Some(Kind::Email);
        }
        at = found.end;
    }
    next_ip(text, 0).map(|_| Kind::Ip)
}

fn replace_each(text: &str, next: fn(&str, usize) -> Option<Range<usize>>, stand_ins: &[&str]) -> (String, u64) {
    let mut replaced = String::with_capacity(text.len());
    let (mut at, mut count) = (0, 0);
    while let Some(found) = next(text, at) {
        replaced.push_str(&text[at..found.start]);
        replaced.push_str(stand_ins[count % stand_ins.len()]);
        count += 1;
        at = found.end;
    }
    replaced.push_str(&text[at..]);
    (replaced, count as u64)
}

// ---- e-mail --------------------------------------------------------------------------------------------------------

/// The next e-mail address from byte `from` on. Neither side of an `@` reaches across another one, which keeps it linear.
fn next_email(text: &str, from: usize) -> Option<Range<usize>> {
    let (mut at, mut begin) = (from, from);
    while let Some(distance) = text[at..].find('@') {
        let sign = at + distance;
        if let Some(start) = local_start(text, begin, sign)
            && let Some(end) = domain_end(text.as_bytes(), sign + 1)
        {
            return Some(start..end);
        }
        at = sign + 1;
        begin = at;
    }
    None
}

/// Where the part before the `@` begins: atoms joined by single dots, from the first word boundary on.
fn local_start(text: &str, begin: usize, sign: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = sign;
    while start > begin {
        let joins = bytes[start - 1] == b'.' && start < sign && is_atom(bytes[start]) && start - 1 > begin && is_atom(bytes[start - 2]);
        if !is_atom(bytes[start - 1]) && !joins {
            break;
        }
        start -= 1;
    }
    let is_word = |c: char| is_alpha(c) || c.is_numeric() || c == '_';
    let mut before = text[..start].chars().next_back();
    for at in start..sign {
        let c = char::from(bytes[at]);
        if bytes[at] != b'.' && is_word(c) != before.is_some_and(is_word) {
            return Some(at);
        }
        before = Some(c);
    }
    None
}

/// RFC 5322's characters of an atom.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

/// Where the part after the `@` ends: two or more labels joined by dots, or an address in brackets.
fn domain_end(bytes: &[u8], begin: usize) -> Option<usize> {
    if bytes.get(begin) == Some(&b'[') {
        return bracketed_end(bytes, begin + 1);
    }
    let (mut at, mut end) = (begin, None);
    while bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let hyphens = bytes[at..at + run].iter().rev().take_while(|byte| **byte == b'-').count();
        if at > begin {
            end = Some(at + run - hyphens);
        }
        at += run;
        if hyphens > 0 || bytes.get(at) != Some(&b'.') {
            break;
        }
        at += 1;
    }
    end
}

/// The end of `1.2.3.4]`, or of `1.2.3.tag:]`.
fn bracketed_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    for _ in 0..3 {
        let digits = octet_len(&bytes[at..])?;
        if bytes.get(at + digits) != Some(&b'.') {
            return None;
        }
        at += digits + 1;
    }
    let closes = |at: usize| (bytes.get(at) == Some(&b']')).then_some(at + 1);
    if let Some(end) = octet_len(&bytes[at..]).and_then(|digits| closes(at + digits)) {
        return Some(end);
    }
    let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let is_tag = run > 0 && bytes[at + run - 1] != b'-' && bytes.get(at + run) == Some(&b':');
    if is_tag { closes(at + run + 1) } else { None }
}

/// The digits of a number up to 255, zeros in front allowed.
fn octet_len(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let value = bytes[..digits].iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
    ((1..=3).contains(&digits) && value <= 255).then_some(digits)
}

// ---- IPv4 ----------------------------------------------------------------------------------------------------------

/// The next public IPv4 address from byte `from` on: a dotted number of four parts and no more.
fn next_ip(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(distance) = text[at..].find('.') {
        let dot = at + distance;
        let before = bytes[at..dot].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (start, mut end) = (dot - before, dot);
        while end + 1 < bytes.len() && bytes[end] == b'.' && bytes[end + 1].is_ascii_digit() {
            end += 1 + bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        }
        if before > 0 && (7..=15).contains(&(end - start)) && text[start..end].parse().is_ok_and(is_public) {
            return Some(start..end);
        }
        at = if before > 0 { end.max(dot + 1) } else { dot + 1 };
    }
    None
}

/// Whether an address is one of the open internet, by IANA's registry of special addresses.
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, c, d] = ip.octets();
    let is_special = a == 0 // "this network"
        || (a == 100 && b & 0xc0 == 64) // between providers and customers
        || (a == 192 && b == 0 && c == 0 && d != 9 && d != 10) // protocols
        || (a == 198 && b & 0xfe == 18) // measurements
        || a >= 240; // kept for later, and broadcast
    !(is_special || ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_replaced() {
        for (text, expected) in [
            ("Write to me@site.org.", "Write to email@example.com."),
            ("a@b.co, c@d.co; e@f.co", "email@example.com, firstname.lastname@example.org; email@example.com"),
            ("<jo.do+tag@mail.example.co.uk>", "<email@example.com>"),
            ("mailto:x_y@z-1.net?subject=hi", "mailto:email@example.com?subject=hi"),
            ("(me@site.org)/[you@site.org]", "(email@example.com)/[firstname.lastname@example.org]"),
            ("..me@site.org", "..email@example.com"),
            ("é me@site.org é", "é email@example.com é"),
            ("a@b@c.org", "a@email@example.com"),
            ("me@[8.8.8.8] and me@[8.8.8.x:]", "email@example.com and firstname.lastname@example.org"),
            ("me@site.org-", "email@example.com-"),
            ("me@site.a-.b", "email@example.com-.b"),
            ("host 8.8.8.8, 1.1.1.1.", "host 192.0.2.1, 198.51.100.2."),
            ("version 1.2.3.4", "version 192.0.2.1"),
            ("v1.2.3.4-beta", "v192.0.2.1-beta"),
            ("http://93.184.216.34:80/x", "http://192.0.2.1:80/x"),
            ("...8.8.8.8...", "...192.0.2.1..."),
            ("1..8.8.8.8", "1..192.0.2.1"),
        ] {
            assert_eq!(replace(text).0, expected, "{text}");
            assert!(has_pii(text).is_some(), "{text}");
        }
        let counts = replace("a@b.co 8.8.8.8 c@d.co").1;
        assert_eq!((counts.emails, counts.ips), (2, 1));
    }

    #[test]
    fn the_rest_is_left_alone() {
        for text in [
            "",
            "@ @@ a@ @b a@b",
            "user@localhost",
            "@handle and .@handle",
            "meet me @ noon.today",
            "me@.site.org me@-site.org me@site-.org me@site..org",
            "éme@site.org", // no boundary within a word
            "me.@site.org",
            "me@[10.0.0.1 me@[10.0.0] me@[10.0.0.256]",
            "10.0.0.1 172.16.5.4 172.31.255.255 192.168.1.1 127.0.0.1 169.254.1.1 0.1.2.3 100.64.0.1 198.18.0.1 240.0.0.1 255.255.255.255",
            "192.0.2.1 198.51.100.2 203.0.113.3 192.0.0.1",
            "999.1.1.1 1.1.1.256 1234.1.1.1 1.1.1.1234",
            "1.2.3.4.5 and 8.8.8.8.8.8",
            "01.2.3.4 8.8.8.08",
            "At 10.30 on 24.12.2021, section 3.2.1, for $1.234.567 or 3.14",
            "12:30:45.678 1,2.3,4.5 1 .2.3.4",
        ] {
            let left_alone = replace(text) == (text.to_string(), Counts::default());
            assert!(left_alone, "{text} became {}", replace(text).0);
            assert!(has_pii(text).is_none(), "{text}");
        }
    }

    #[test]
    fn stand_ins_are_no_personal_data() {
        let once = replace("a@b.co 8.8.8.8 c@d.co").0;
        assert_eq!(replace(&once).0, once);
        assert_eq!(has_pii(&once), None);
        assert_eq!(has_pii("a@b.co 8.8.8.8"), Some(Kind::Email));
        assert_eq!(has_pii("email@example.com 8.8.8.8"), Some(Kind::Ip));
    }

    /// Each byte is looked at a bounded number of times, also by marks that promise an address and do not keep it: these
    /// megabytes would not end in an hour if that were not so.
    #[test]
    fn hostile_text_ends() {
        for (unit, has_emails) in [
            ("a", false),
            ("a.", false),
            ("@", false),
            ("a@", false),
            ("a@b-", false),
            ("a@b.", true),
            ("a@a.a", true),
            ("1.", false),
            ("1.1.1.", false),
            ("-@", false),
            (".@a", false),
            ("a@[1.1.1.", false),
            ("#", false),
        ] {
            for end in ["", "@", "@a"] {
                let text = unit.repeat(1_000_000 / unit.len()) + end;
                let (replaced, counts) = replace(&text);
                assert_eq!((counts.emails > 0, counts.ips), (has_emails, 0), "{unit} {end}");
                assert!(has_emails || replaced == text, "{unit} {end}");
            }
        }
    }
}
