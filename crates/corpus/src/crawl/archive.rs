//! The WARC/1.1 files of a crawl: a response and its request are two records, each a gzip member of its own.
//!
//! Compressing ([`members`]) is apart from appending ([`Archive::append`]), so that it happens outside the lock. Knows
//! nothing of the frontier: it is told where the last file is to be cut when a crawl goes on.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha1::{Digest, Sha1};

use super::fetch::Response;
use crate::warc::record_id;
use crate::{Error, Result};

/// Where a record ends: the file by its number, and the length of the file behind the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `crawl-NNNNN.warc.gz`.
    pub file: u32,
    /// Bytes up to the end of the record.
    pub end: u64,
}

/// The WARC file that is being written.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    agent: String,
    max_bytes: u64,
    file: File,
    place: Place,
}

/// The path of a WARC file by its number.
pub fn path_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("crawl-{number:05}.warc.gz"))
}

impl Archive {
    /// Opens the archive behind the last record that is accounted for; everything after it is cut off. A file takes no
    /// further record once it has more than `max_bytes`.
    pub fn open(folder: &Path, last: Option<Place>, agent: &str, max_bytes: u64) -> Result<Archive> {
        let number = last.map_or(0, |place| place.file);
        let mut later = number + u32::from(last.is_some());
        while path_of(folder, later).exists() {
            base::files::remove(&path_of(folder, later))?;
            later += 1;
        }
        let path = path_of(folder, number);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|source| Error::io(&path, "open", source))?;
        let end = last.map_or(0, |place| place.end);
        file.set_len(end).map_err(|source| Error::io(&path, "cut", source))?;
        let place = Place { file: number, end };
        let mut archive = Archive { folder: folder.to_path_buf(), agent: agent.to_string(), max_bytes, file, place };
        if last.is_none() {
            archive.begin_file()?;
        }
        Ok(archive)
    }

    /// Appends records and tells where they end.
    pub fn append(&mut self, members: &[u8]) -> Result<Place> {
        if self.place.end > self.max_bytes {
            self.sync_handle()?.sync_data().map_err(|source| Error::io(&self.path(), "write", source))?;
            self.place = Place { file: self.place.file + 1, end: 0 };
            let path = self.path();
            let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|source| Error::io(&path, "open", source))?;
            file.set_len(0).map_err(|source| Error::io(&path, "cut", source))?;
            self.file = file;
            self.begin_file()?;
        }
        self.write(members)?;
        Ok(self.place)
    }

    /// The file that is being written, to be synchronised with the disk by whoever has the time.
    pub fn sync_handle(&self) -> Result<File> {
        self.file.try_clone().map_err(|source| Error::io(&self.path(), "open", source))
    }

    /// The path of the file that is being written.
    pub fn path(&self) -> PathBuf {
        path_of(&self.folder, self.place.file)
    }

    fn begin_file(&mut self) -> Result<()> {
        let path = self.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let date = date(SystemTime::now());
        let block = format!(
            "software: schoolhouse/{}\r\nformat: WARC File Format 1.1\r\nhttp-header-user-agent: {}\r\nrobots: obey\r\n",
            env!("CARGO_PKG_VERSION"),
            self.agent
        );
        let headers = [
            ("WARC-Type", "warcinfo".to_string()),
            ("WARC-Date", date.clone()),
            ("WARC-Filename", name.clone()),
            ("WARC-Record-ID", record_id(&[name.as_bytes(), date.as_bytes()])),
            ("Content-Type", "application/warc-fields".to_string()),
            ("WARC-Block-Digest", digest(block.as_bytes())),
        ];
        let mut member = Vec::new();
        write_record(&mut member, &headers, block.as_bytes());
        self.write(&member)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path(), "write", source))?;
        self.place.end += bytes.len() as u64;
        Ok(())
    }
}

/// A response and its request as compressed records.
///
/// Chunks and compression are off the body. The headers then say what the body is, not what was sent:
/// `Transfer-Encoding`, `Content-Encoding` and a `Content-Length` that no longer holds get the prefix `X-Crawl-`, as in
/// Common Crawl's files, and a `Content-Length` that holds is added.
pub fn members(url: &str, request: &str, response: &Response, date: &str, is_html: bool) -> Vec<u8> {
    let block = response_block(response);
    let id = |kind: &str| record_id(&[kind.as_bytes(), url.as_bytes(), date.as_bytes(), &block]);
    let (response_id, request_id) = (id("response"), id("request"));
    let common = |kind: &str, record: &str, block: &[u8]| {
        let mut headers = vec![
            ("WARC-Type", kind.to_string()),
            ("WARC-Date", date.to_string()),
            ("WARC-Target-URI", url.to_string()),
            ("WARC-Record-ID", record.to_string()),
            ("Content-Type", format!("application/http; msgtype={kind}")),
            ("WARC-Block-Digest", digest(block)),
        ];
        headers.extend(response.address.map(|address| ("WARC-IP-Address", address.to_string())));
        headers
    };
    let mut out = Vec::with_capacity(block.len() / 3);
    let mut headers = common("response", &response_id, &block);
    headers.push(("WARC-Payload-Digest", digest(&response.body)));
    if is_html {
        headers.push(("WARC-Identified-Payload-Type", "text/html".to_string()));
    }
    headers.extend(response.truncated.map(|why| ("WARC-Truncated", why.name().to_string())));
    write_record(&mut out, &headers, &block);
    let mut headers = common("request", &request_id, request.as_bytes());
    headers.push(("WARC-Concurrent-To", response_id));
    write_record(&mut out, &headers, request.as_bytes());
    out
}

/// The HTTP response as it is kept.
fn response_block(response: &Response) -> Vec<u8> {
    let mut block = format!("{} {} {}\r\n", response.version, response.status, response.reason).into_bytes();
    let length = response.body.len().to_string();
    for (name, value) in &response.headers {
        let is_other_length = name.eq_ignore_ascii_case("content-length") && value != length.as_bytes();
        if name.eq_ignore_ascii_case("content-length") && !is_other_length {
            continue;
        }
        if is_other_length || ["transfer-encoding", "content-encoding"].iter().any(|other| name.eq_ignore_ascii_case(other)) {
            block.extend_from_slice(b"X-Crawl-");
        }
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value);
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    block.extend_from_slice(&response.body);
    block
}

/// Writes one record as one gzip member.
fn write_record(out: &mut Vec<u8>, headers: &[(&str, String)], block: &[u8]) {
    let mut head = String::from("WARC/1.1\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", block.len()));
    let mut member = GzEncoder::new(out, Compression::default());
    // A vector takes every byte.
    for part in [head.as_bytes(), block, b"\r\n\r\n"] {
        member.write_all(part).expect("memory takes what is written");
    }
    member.finish().expect("memory takes what is written");
}

/// `sha1:` and the hash in base 32, as WARC tools expect it.
fn digest(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::from("sha1:");
    // 20 bytes are four times 40 bits, so there is nothing to pad.
    for five in Sha1::digest(bytes).chunks(5) {
        let bits = five.iter().fold(0u64, |bits, &byte| (bits << 8) | u64::from(byte));
        out.extend((0..8).rev().map(|i| char::from(LETTERS[(bits >> (5 * i)) as usize & 31])));
    }
    out
}

/// `2024-05-18T01:58:10Z`.
pub fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Days since 1 March of year 0, in cycles of 400 years, which all have as many days.
    let days = seconds / 86_400 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March on
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", cycle * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::fetch::Truncated;
    use crate::warc::{Entry, WarcReader};
    use std::time::Duration;

    #[test]
    fn dates_of_known_seconds() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn digests_of_known_texts() {
        assert_eq!(digest(b""), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
        assert_eq!(digest(b"abc"), "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5");
    }

    fn response(body: &str) -> Response {
        let header = |name: &str, value: &str| (name.to_string(), value.as_bytes().to_vec());
        Response {
            version: "HTTP/1.1".into(),
            status: 200,
            reason: "OK".into(),
            headers: vec![
                header("content-length", "7"),
                header("content-encoding", "gzip"),
                header("transfer-encoding", "chunked"),
                header("content-type", "text/html"),
            ],
            body: body.as_bytes().to_vec(),
            truncated: Some(Truncated::Length),
            address: Some("127.0.0.1".parse().unwrap()),
        }
    }

    #[test]
    fn records_are_what_they_say_and_a_cut_file_goes_on() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-archive-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let write = |archive: &mut Archive, n: u32| {
            let url = format!("http://a.example/{n}");
            let body = format!("<p>{n}");
            archive.append(&members(&url, "GET / HTTP/1.1\r\n\r\n", &response(&body), "2024-01-01T00:00:00Z", true)).unwrap()
        };
        let mut archive = Archive::open(&folder, None, "test", 1 << 20).unwrap();
        let first = write(&mut archive, 1);
        write(&mut archive, 2);
        // As if a second crawl had got no further than the first page, with a file that rolls over at once.
        std::fs::write(path_of(&folder, 1), b"left over").unwrap();
        let mut archive = Archive::open(&folder, Some(first), "test", 0).unwrap();
        let third = write(&mut archive, 3);
        assert_eq!((first.file, third.file), (0, 1));
        let mut seen = Vec::new();
        for number in [0, 1] {
            for entry in WarcReader::open(&path_of(&folder, number)).unwrap() {
                let Entry::Record(record) = entry else { panic!("{entry:?}") };
                seen.push(format!("{} {}", record.header("WARC-Type").unwrap(), record.url().unwrap_or("-")));
                if record.header("WARC-Type") == Some("response") {
                    let text = String::from_utf8(record.block.clone()).unwrap();
                    assert!(
                        text.starts_with(
                            "HTTP/1.1 200 OK\r\nX-Crawl-content-length: 7\r\nX-Crawl-content-encoding: gzip\r\n\
                             X-Crawl-transfer-encoding: chunked\r\ncontent-type: text/html\r\nContent-Length: 4\r\n\r\n<p>"
                        ),
                        "{text}"
                    );
                    assert_eq!(record.header("WARC-Truncated"), Some("length"));
                    assert_eq!(record.header("WARC-Block-Digest"), Some(digest(&record.block).as_str()));
                }
            }
        }
        let one = ["response http://a.example/1", "request http://a.example/1"];
        let three = ["response http://a.example/3", "request http://a.example/3"];
        assert_eq!(seen, ["warcinfo -", one[0], one[1], "warcinfo -", three[0], three[1]]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
