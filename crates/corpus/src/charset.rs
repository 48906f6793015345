//! Bytes of a web page to text.
//!
//! UTF-8 if the bytes are UTF-8; else what the HTTP header or the page itself names; else what the bytes look like.
//! Knows HTML only as far as `charset=` near the top of a page.

use encoding_rs::{Encoding, UTF_8};

/// How many bytes at the top of a page may name its charset.
const PRESCAN_BYTES: usize = 4096;

/// The text of a page, or `None` if its bytes are no text in any charset that is named or looks likely.
/// `http_charset` is the `charset` parameter of the `Content-Type` header.
pub fn decode(bytes: &[u8], http_charset: Option<&str>) -> Option<String> {
    if let Some((encoding, bom)) = Encoding::for_bom(bytes)
        && encoding != UTF_8
    {
        return strict(encoding, &bytes[bom..]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let broken = match std::str::from_utf8(bytes) {
        Ok(text) => return Some(text.to_string()),
        Err(error) => error,
    };
    let named = [http_charset.and_then(|label| Encoding::for_label(label.as_bytes())), meta_charset(bytes)];
    for encoding in named.into_iter().flatten().filter(|&encoding| encoding != UTF_8) {
        if let Some(text) = strict(encoding, bytes) {
            return Some(text);
        }
    }
    if broken.error_len().is_none() {
        // A page cut in the middle of its last character is UTF-8 up to there.
        return Some(String::from_utf8_lossy(&bytes[..broken.valid_up_to()]).into_owned());
    }
    if is_broken_utf8(bytes) {
        return None;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    strict(detector.guess(None, chardetng::Utf8Detection::Deny), bytes)
}

/// Decodes, or `None` if a single byte does not fit, or if the result has control characters that no text has.
fn strict(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let is_stray = |c: char| c.is_control() && !c.is_whitespace() && c != '\u{1b}';
    let strays = text.chars().filter(|&c| is_stray(c)).count();
    (strays * 100 <= text.len()).then(|| text.into_owned())
}

/// The charset that a `<meta>` tag names.
fn meta_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let top = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN_BYTES)]).to_ascii_lowercase();
    let after = &top[top.find("charset=")? + "charset=".len()..];
    let label = after.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))).unwrap_or(label.len());
    Encoding::for_label(&label.as_bytes()[..end])
}

/// Whether bytes that are not UTF-8 are so only in places: more characters of several bytes are whole than broken.
/// Read in any other charset they would become another text than was meant.
fn is_broken_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole > broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_taken_from_the_best_witness() {
        let latin = |text: &str| text.chars().map(|c| c as u32 as u8).collect::<Vec<u8>>();
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("Größe".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let cases: Vec<(Vec<u8>, Option<&str>, Option<&str>)> = vec![
            ("plain".into(), None, Some("plain")),
            ("Größe".into(), Some("iso-8859-1"), Some("Größe")), // UTF-8 whatever the header says
            (b"\xEF\xBB\xBFa".to_vec(), None, Some("a")),
            (utf16, None, Some("Größe")),
            (latin("Größe"), Some("iso-8859-1"), Some("Größe")),
            (latin("<meta charset=\"latin1\"><p>Größe"), None, Some("<meta charset=\"latin1\"><p>Größe")),
            (
                latin("<meta content='text/html; charset=windows-1252'>\u{93}x\u{94}"),
                Some("utf-8"),
                Some("<meta content='text/html; charset=windows-1252'>“x”"),
            ),
            (b"\xd0\xd2\xc9\xd7\xc5\xd4".to_vec(), Some("koi8-r"), Some("привет")),
            ("Gr\u{f6}".as_bytes()[..3].to_vec(), None, Some("Gr")), // cut inside its last character
            (b"caf\xc3\xa9 na\xc3\xafve \xff\xfe r\xc3\xa9sum\xc3\xa9".to_vec(), None, None),
        ];
        for (bytes, http, expected) in cases {
            assert_eq!(decode(&bytes, http).as_deref(), expected, "{bytes:?}");
        }
        let guessed = decode(&latin("Das Wort Größe schreibt man mit ß, nicht mit ss; auch in Straße und Fuß."), None).unwrap();
        assert!(guessed.contains("Größe schreibt man mit ß"), "{guessed}");
        let noise: Vec<u8> = (0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(decode(&noise, None), None);
    }
}
