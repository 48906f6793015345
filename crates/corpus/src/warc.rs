//! WARC files: a reader that survives damage, and a simple writer.
//!
//! Reads WARC/0.17-1.1, plain or gzip (a member per record, one member for all, or anything between). What is broken
//! costs the record it stands in: after a bad member the reader goes on at the next one, after a bad header at the next
//! line that begins a record. Knows HTTP and HTML not at all; record.rs does.
//!
//! The crate `fastwarc` was looked at: it brings eleven dependencies (brotli, lz4, two hashes, ...) that cannot be left
//! out, and an error ends its iteration, so one damaged member would cost the rest of the file.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

use base::mmap::MappedFile;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use crate::{Error, Result};

/// Of each record's block so many bytes are read; what is behind them is skipped and only counted.
pub const MAX_BLOCK_BYTES: usize = 11 << 20;
/// A record's header may be so long.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// A page as it was fetched: what a crawler or a generator hands to [`WarcWriter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarcPage {
    /// Its address.
    pub url: String,
    /// When it was fetched: `2024-05-18T01:58:10Z`.
    pub date: String,
    /// The status of the HTTP response.
    pub http_status: u16,
    /// The HTTP headers in order, without `Content-Length`, which the writer adds.
    pub headers: Vec<(String, String)>,
    /// The body as the server sent it.
    pub body: Vec<u8>,
}

/// A record as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarcRecord {
    /// Its header lines in order; names as they stand.
    pub headers: Vec<(String, String)>,
    /// Its content, at most [`MAX_BLOCK_BYTES`] of it.
    pub block: Vec<u8>,
    /// The length of the content in the file.
    pub block_bytes: u64,
}

impl WarcRecord {
    /// The value of a header line; names are compared without case. Angle brackets around an address are removed.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `WARC-Target-URI`.
    pub fn url(&self) -> Option<&str> {
        self.header("WARC-Target-URI").map(|url| url.strip_prefix('<').and_then(|url| url.strip_suffix('>')).unwrap_or(url))
    }
}

/// What the reader meets: a record, or a damaged place that cost one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A whole record.
    Record(WarcRecord),
    /// Something that is no record. Reading goes on behind it.
    Damaged {
        /// Where in the file, in bytes of the file as it is stored.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
}

/// Reads the records of one file in order.
#[derive(Debug)]
pub struct WarcReader {
    source: Source,
    /// The line that begins a record is read already.
    began: bool,
    /// Text that is no record was met and is not yet reported.
    strays: bool,
    /// What stands before the next record belongs to a damaged one, which is reported already.
    after_damage: bool,
    /// The member in which damage was last reported, by its start.
    damaged_member: usize,
    ended: bool,
}

impl WarcReader {
    /// Opens a file; what it is (gzip or plain) is told by its first bytes.
    pub fn open(path: &Path) -> Result<WarcReader> {
        let file = MappedFile::open(path)?;
        if file.is_empty() {
            return Err(Error::Refused(format!("{} is empty; fetch it again", path.display())));
        }
        let source = Source::new(file);
        // A broken first member is a damaged record; something whole that is no record is another kind of file.
        let mut head = [0; 5];
        let is_whole =
            if source.gzip { source.start_member(0).decoder.read_exact(&mut head) } else { (&source.file[..]).read_exact(&mut head) };
        if (is_whole.is_ok() || !source.gzip) && &head != b"WARC/" {
            return Err(Error::Refused(format!("{} is no WARC file: it does not begin with WARC/; check what it is", path.display())));
        }
        Ok(WarcReader { source, began: false, strays: false, after_damage: false, damaged_member: 0, ended: false })
    }

    /// How many bytes of the file are read.
    pub fn position(&self) -> u64 {
        self.source.position as u64
    }

    /// Finds the next line that begins a record; `Ok(false)` at the end of the file.
    fn find_record(&mut self) -> io::Result<bool> {
        while !self.began {
            let mut line = Vec::new();
            if (&mut self.source).take(MAX_HEADER_BYTES as u64).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            self.began = line.starts_with(b"WARC/");
            self.strays |= !self.began && !line.trim_ascii().is_empty();
        }
        let strays = std::mem::take(&mut self.strays);
        let reported = std::mem::take(&mut self.after_damage);
        if strays && !reported {
            return Err(invalid("there is text between two records; the Content-Length before it may be wrong"));
        }
        Ok(self.began)
    }

    /// The next record, `Ok(None)` at the end of the file.
    fn read_record(&mut self) -> io::Result<Option<WarcRecord>> {
        if !self.find_record()? {
            return Ok(None);
        }
        self.began = false;
        let headers = self.read_headers()?;
        let length =
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Length")).map(|(_, value)| value.trim().parse::<u64>());
        let length = match length {
            Some(Ok(length)) => length,
            Some(Err(_)) => return Err(invalid("its Content-Length is no number")),
            None => return Err(invalid("it has no Content-Length")),
        };
        let kept = length.min(MAX_BLOCK_BYTES as u64);
        let mut block = Vec::with_capacity(kept as usize);
        self.source.in_block = true;
        let read = (&mut self.source).take(kept).read_to_end(&mut block);
        let skipped = read.and_then(|_| io::copy(&mut (&mut self.source).take(length - kept), &mut io::sink()));
        self.source.in_block = false;
        if (block.len() as u64 + skipped?) < length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before its content does"));
        }
        self.end_member()?;
        Ok(Some(WarcRecord { headers, block, block_bytes: length }))
    }

    /// Reads what is left of a gzip member, unless another record stands there: only then is its checksum verified, and
    /// a damaged block may decompress to something.
    fn end_member(&mut self) -> io::Result<()> {
        while self.source.gzip && self.source.fill(false)? {
            let rest = self.source.fill_buf()?;
            let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank == 0 && rest.starts_with(b"WARC/") {
                break;
            }
            let used = if blank > 0 { blank } else { rest.len() };
            self.strays |= blank == 0;
            self.source.consume(used);
        }
        Ok(())
    }

    /// Header lines up to the blank one.
    fn read_headers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut left = MAX_HEADER_BYTES;
        loop {
            let mut line = Vec::new();
            let n = (&mut self.source).take(left as u64).read_until(b'\n', &mut line)?;
            if n == 0 || !line.ends_with(b"\n") {
                let why = if n == left { "its header has no end" } else { "it ends inside its header" };
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            left -= n;
            let line = String::from_utf8_lossy(line.trim_ascii_end());
            if line.is_empty() {
                return Ok(headers);
            }
            match (line.split_once(':'), headers.last_mut()) {
                (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (Some((name, value)), _) => headers.push((name.trim().to_string(), value.trim().to_string())),
                (None, _) => return Err(invalid("a line of its header has no colon")),
            }
        }
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

impl Iterator for WarcReader {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while !self.ended {
            self.source.let_go();
            let offset = self.source.offset() as u64;
            let error = match self.read_record() {
                Ok(Some(record)) => return Some(Entry::Record(record)),
                Ok(None) => break,
                Err(error) => error,
            };
            // A bad header and then a bad checksum in one member are one damage.
            let same = self.after_damage && self.source.broken == Some(self.damaged_member);
            self.damaged_member = self.source.current;
            self.after_damage = !self.began;
            self.strays = false;
            self.source.broken = None;
            if !same {
                return Some(Entry::Damaged { offset, why: error.to_string() });
            }
        }
        self.ended = true;
        None
    }
}

/// A file's bytes from some place on; cheap to make, so that a decoder can own one.
#[derive(Debug, Clone)]
struct Cursor {
    file: Arc<MappedFile>,
    position: usize,
}

impl Read for Cursor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Cursor {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.file[self.position..])
    }

    fn consume(&mut self, n: usize) {
        self.position += n;
    }
}

/// One gzip member being decompressed.
#[derive(Debug)]
struct Member {
    start: usize,
    decoder: GzDecoder<Cursor>,
    /// Decompressed bytes, of which so many are used.
    buffer: Vec<u8>,
    used: usize,
    /// Whether the buffer holds the member's first bytes.
    is_first: bool,
}

/// The decompressed bytes of a file.
#[derive(Debug)]
struct Source {
    file: Arc<MappedFile>,
    gzip: bool,
    /// The next byte of the file to look at. For gzip, where the next member starts.
    position: usize,
    member: Option<Member>,
    /// The start of the member that was begun last.
    current: usize,
    /// The start of a member that does not decompress.
    broken: Option<usize>,
    /// The file's bytes before this have been let go.
    let_go: usize,
    /// While a block is read, a member that begins with a record ends it: the record was cut short.
    in_block: bool,
}

/// How gzip members begin: magic, deflate.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 8];

impl Source {
    fn new(file: MappedFile) -> Source {
        let gzip = file.starts_with(GZIP_MAGIC);
        Source { file: Arc::new(file), gzip, position: 0, member: None, current: 0, broken: None, let_go: 0, in_block: false }
    }

    /// Lets go of what was read, now and then: a file of any size takes little memory.
    fn let_go(&mut self) {
        const STEP: usize = 16 << 20;
        if self.position >= self.let_go + STEP {
            self.let_go = self.position;
            self.file.let_go_before(self.position);
        }
    }

    /// Where in the file the bytes that come next are stored; for gzip, where their member starts.
    fn offset(&self) -> usize {
        self.member.as_ref().filter(|member| member.used < member.buffer.len()).map_or(self.position, |member| member.start)
    }

    fn start_member(&self, start: usize) -> Member {
        let cursor = Cursor { file: self.file.clone(), position: start };
        Member { start, decoder: GzDecoder::new(cursor), buffer: Vec::new(), used: 0, is_first: true }
    }

    /// The start of the next member that decompresses to the beginning of a record, or the end of the file.
    fn next_whole_member(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(found) = self.file[at..].windows(GZIP_MAGIC.len()).position(|window| window == GZIP_MAGIC) {
            at += found;
            let mut head = [0; 5];
            if self.start_member(at).decoder.read_exact(&mut head).is_ok() && &head == b"WARC/" {
                return at;
            }
            at += 1;
        }
        self.file.len()
    }

    /// Decompresses until there are bytes to give. False if the file ends first, or unless `crosses`, the member.
    fn fill(&mut self, crosses: bool) -> io::Result<bool> {
        loop {
            if self.member.as_ref().is_some_and(|member| member.used < member.buffer.len()) {
                return Ok(true);
            }
            let mut member = match self.member.take() {
                Some(member) => member,
                None if self.position >= self.file.len() || !crosses => return Ok(false),
                None => self.start_member(self.position),
            };
            self.current = member.start;
            let is_first = member.buffer.is_empty();
            member.buffer.resize(64 << 10, 0);
            match member.decoder.read(&mut member.buffer) {
                Ok(0) => self.position = member.decoder.get_ref().position,
                Ok(n) => {
                    member.buffer.truncate(n);
                    member.used = 0;
                    member.is_first = is_first;
                    self.position = member.decoder.get_ref().position;
                    self.member = Some(member);
                }
                Err(error) => {
                    self.position = self.next_whole_member(member.start + 1);
                    self.broken = Some(member.start);
                    let why = match error.kind() {
                        io::ErrorKind::UnexpectedEof => "the file ends inside a compressed record".to_string(),
                        _ => format!("it does not decompress ({error})"),
                    };
                    return Err(io::Error::new(error.kind(), why));
                }
            }
        }
    }

    /// Whether the bytes to come begin a member that begins a record.
    fn at_record(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.is_first && member.used == 0 && member.buffer.starts_with(b"WARC/"))
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.gzip {
            return Ok(&self.file[self.position..]);
        }
        self.fill(true)?;
        if self.in_block && self.at_record() {
            return Ok(&[]);
        }
        Ok(self.member.as_ref().map_or(&[], |member| &member.buffer[member.used..]))
    }

    fn consume(&mut self, n: usize) {
        match &mut self.member {
            Some(member) => member.used += n,
            None => self.position += n,
        }
    }
}

/// Writes WARC/1.0, each record a gzip member of its own. The bytes depend on the arguments alone.
#[derive(Debug)]
pub struct WarcWriter<W: Write> {
    out: W,
}

impl<W: Write> WarcWriter<W> {
    /// Begins a file with its `warcinfo` record. `name` is the file's own name, `date` when it was made.
    pub fn new(out: W, name: &str, date: &str) -> io::Result<WarcWriter<W>> {
        let mut writer = WarcWriter { out };
        let block = "software: schoolhouse\r\nformat: WARC File Format 1.0\r\n";
        let headers = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Date", date),
            ("WARC-Filename", name),
            ("WARC-Record-ID", &record_id(&[name.as_bytes(), date.as_bytes()])),
            ("Content-Type", "application/warc-fields"),
        ];
        writer.record(&headers, block.as_bytes())?;
        Ok(writer)
    }

    /// Writes a page as a `response` record and gives its id. The id is a hash of the page, so a page that is written
    /// twice has one id.
    pub fn page(&mut self, page: &WarcPage) -> io::Result<String> {
        let mut block = format!("HTTP/1.1 {} {}\r\n", page.http_status, reason_phrase(page.http_status)).into_bytes();
        for (name, value) in &page.headers {
            write!(block, "{name}: {value}\r\n")?;
        }
        write!(block, "Content-Length: {}\r\n\r\n", page.body.len())?;
        block.extend_from_slice(&page.body);
        let id = record_id(&[page.url.as_bytes(), page.date.as_bytes(), &page.body]);
        let headers = [
            ("WARC-Type", "response"),
            ("WARC-Date", page.date.as_str()),
            ("WARC-Target-URI", page.url.as_str()),
            ("WARC-Record-ID", id.as_str()),
            ("Content-Type", "application/http; msgtype=response"),
        ];
        self.record(&headers, &block)?;
        Ok(id)
    }

    /// Writes one record as one gzip member.
    pub fn record(&mut self, headers: &[(&str, &str)], block: &[u8]) -> io::Result<()> {
        let mut member = GzEncoder::new(&mut self.out, Compression::default());
        member.write_all(b"WARC/1.0\r\n")?;
        for (name, value) in headers {
            write!(member, "{name}: {value}\r\n")?;
        }
        write!(member, "Content-Length: {}\r\n\r\n", block.len())?;
        member.write_all(block)?;
        member.write_all(b"\r\n\r\n")?;
        member.finish()?;
        Ok(())
    }

    /// Ends the file and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// `<urn:uuid:...>` from a hash of the parts: a version 8 UUID (RFC 9562), for which any hash may be used.
pub(crate) fn record_id(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut uuid: [u8; 16] = hasher.finalize().as_bytes()[..16].try_into().expect("a hash has 32 bytes");
    uuid[6] = 0x80 | (uuid[6] & 0x0f);
    uuid[8] = 0x80 | (uuid[8] & 0x3f);
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<urn:uuid:{}-{}-{}-{}-{}>", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: usize) -> WarcPage {
        WarcPage {
            url: format!("http://town.example/{n}"),
            date: format!("2024-05-18T01:58:{:02}Z", n % 60),
            http_status: 200,
            headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
            body: format!("<p>page {n} {}", "word ".repeat(n * 40)).into_bytes(),
        }
    }

    fn file_of(name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("schoolhouse-corpus-warc-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Each member's bytes: the warcinfo record and four pages.
    fn members() -> Vec<Vec<u8>> {
        let mut ends = Vec::new();
        let mut writer = WarcWriter::new(Vec::new(), "a.warc.gz", "2024-05-18T00:00:00Z").unwrap();
        ends.push(writer.out.len());
        for n in 1..=4 {
            writer.page(&page(n)).unwrap();
            ends.push(writer.out.len());
        }
        let bytes = writer.finish().unwrap();
        (0..ends.len()).map(|i| bytes[if i == 0 { 0 } else { ends[i - 1] }..ends[i]].to_vec()).collect()
    }

    fn plain(members: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for member in members {
            flate2::read::GzDecoder::new(&member[..]).read_to_end(&mut out).unwrap();
        }
        out
    }

    /// What the reader makes of a file: the last letter of each record's address, `i` for warcinfo, `!` for damage.
    fn outline(name: &str, bytes: &[u8]) -> String {
        let path = file_of(name, bytes);
        let entries: Vec<Entry> = WarcReader::open(&path).unwrap().take(100).collect();
        std::fs::remove_file(path).unwrap();
        let mark = |entry: &Entry| match entry {
            Entry::Record(record) => record.url().map_or('i', |url| url.chars().last().unwrap()),
            Entry::Damaged { .. } => '!',
        };
        entries.iter().map(mark).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let path = file_of("roundtrip", &members().concat());
        let entries: Vec<Entry> = WarcReader::open(&path).unwrap().collect();
        std::fs::remove_file(path).unwrap();
        assert_eq!(entries.len(), 5);
        let Entry::Record(record) = &entries[3] else { panic!("{:?}", entries[3]) };
        assert_eq!(record.header("warc-type"), Some("response"));
        assert_eq!(record.header("WARC-Date"), Some("2024-05-18T01:58:03Z"));
        assert_eq!(record.header("WARC-Record-ID").map(str::len), Some("<urn:uuid:00000000-0000-8000-8000-000000000000>".len()));
        let block = String::from_utf8(record.block.clone()).unwrap();
        assert!(
            block.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 610\r\n\r\n<p>page 3 word")
        );
        assert_eq!(record.block_bytes, block.len() as u64);
        assert_eq!(members(), members());
    }

    #[test]
    fn all_ways_to_compress() {
        let all = members();
        let text = plain(&all);
        assert_eq!(outline("plain", &text), "i1234");
        let mut one = GzEncoder::new(Vec::new(), Compression::fast());
        one.write_all(&text).unwrap();
        assert_eq!(outline("one", &one.finish().unwrap()), "i1234");
        let mut blocks = Vec::new();
        for chunk in text.chunks(500) {
            let mut member = GzEncoder::new(&mut blocks, Compression::fast());
            member.write_all(chunk).unwrap();
            member.finish().unwrap();
        }
        assert_eq!(outline("blocks", &blocks), "i1234");
    }

    #[test]
    fn damage_costs_the_record_alone() {
        let all = members();
        let with = |i: usize, change: &dyn Fn(&mut Vec<u8>)| {
            let mut all = all.clone();
            change(&mut all[i]);
            all.concat()
        };
        assert_eq!(outline("flip", &with(2, &|member| member[40..60].fill(0x5a))), "i1!34");
        assert_eq!(outline("first", &with(0, &|member| member[12..40].fill(0x5a))), "!1234");
        assert_eq!(outline("cut", &with(2, &|member| member.truncate(60))), "i1!34");
        assert_eq!(outline("end", &with(4, &|member| member.truncate(60))), "i123!");
        assert_eq!(outline("between", &with(2, &|member| member.extend([7; 100]))), "i12!34");
        let text = String::from_utf8(plain(&all)).unwrap();
        assert_eq!(outline("length", text.replacen("Content-Length: 331", "Content-Length: 3x1", 2).as_bytes()), "i1234");
        let third = text.rfind("WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2024-05-18T01:58:03Z").unwrap();
        let (before, after) = text.split_at(third);
        let broken = |from: &str, to: &str| format!("{before}{}", after.replacen(from, to, 1));
        assert_eq!(outline("number", broken("Content-Length: ", "Content-Length: x").as_bytes()), "i12!4");
        assert_eq!(outline("none", broken("Content-Length: ", "Content-Size: ").as_bytes()), "i12!4");
        assert_eq!(outline("colon", broken("WARC-Type:", "WARC-Type").as_bytes()), "i12!4");
        assert_eq!(outline("junk", format!("{before}junk\r\n{after}").as_bytes()), "i12!34");
        assert_eq!(outline("tail", &text.as_bytes()[..text.len() - 300]), "i123!");
    }

    #[test]
    fn a_cut_record_in_its_member_does_not_eat_the_next() {
        let all = members();
        let text = plain(&all[2..3]);
        let mut short = GzEncoder::new(Vec::new(), Compression::fast());
        short.write_all(&text[..text.len() - 100]).unwrap();
        let bytes = [all[0].clone(), all[1].clone(), short.finish().unwrap(), all[3].clone(), all[4].clone()].concat();
        assert_eq!(outline("short", &bytes), "i1!34");
    }

    #[test]
    fn a_long_block_is_counted_and_not_kept() {
        let mut long = page(1);
        long.body = vec![b'x'; MAX_BLOCK_BYTES + 1000];
        let mut writer = WarcWriter::new(Vec::new(), "a", "2024-05-18T00:00:00Z").unwrap();
        writer.page(&long).unwrap();
        writer.page(&page(2)).unwrap();
        let path = file_of("long", &writer.finish().unwrap());
        let entries: Vec<Entry> = WarcReader::open(&path).unwrap().collect();
        std::fs::remove_file(path).unwrap();
        assert_eq!(entries.len(), 3);
        let Entry::Record(record) = &entries[1] else { panic!() };
        assert_eq!(record.block.len(), MAX_BLOCK_BYTES);
        assert!(record.block_bytes > MAX_BLOCK_BYTES as u64 + 1000);
    }

    #[test]
    fn files_that_are_none() {
        for (name, bytes, expected) in [("empty", &b""[..], "is empty"), ("text", b"hello", "is no WARC file")] {
            let path = file_of(name, bytes);
            assert!(WarcReader::open(&path).unwrap_err().to_string().contains(expected));
            std::fs::remove_file(path).unwrap();
        }
        assert!(WarcReader::open(Path::new("/nowhere.warc")).unwrap_err().to_string().contains("there is no such file"));
    }
}
