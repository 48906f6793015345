//! Documents to Parquet: shards by size, each whole or not there at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::files::AtomicFile;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::Document;
use crate::{Error, Result};

/// FineWeb's columns.
const COLUMNS: &str = "
    REQUIRED BYTE_ARRAY text (STRING); REQUIRED BYTE_ARRAY id (STRING); REQUIRED BYTE_ARRAY dump (STRING); REQUIRED BYTE_ARRAY url (STRING);
    REQUIRED BYTE_ARRAY date (STRING); REQUIRED BYTE_ARRAY file_path (STRING); REQUIRED BYTE_ARRAY language (STRING);
    REQUIRED DOUBLE language_score; REQUIRED INT64 token_count;";
/// The column that dropped documents have besides.
const REASON_COLUMN: &str = "REQUIRED BYTE_ARRAY reason (STRING);";
/// Rows of a row group, as in FineWeb's files.
const GROUP_ROWS: usize = 1000;
/// A row group ends earlier when its texts have so many bytes.
const GROUP_BYTES: usize = 16 << 20;
/// A shard ends when its texts have so many bytes.
const SHARD_BYTES: u64 = 512 << 20;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The names of the files in the folder, in order.
    pub files: Vec<String>,
    /// Documents.
    pub documents: u64,
    /// Bytes of their texts.
    pub bytes: u64,
}

/// Writes `documents-00000.parquet`, `documents-00001.parquet`, ... into a folder. A file takes its name only when it
/// is whole.
pub struct ParquetWriter {
    folder: PathBuf,
    /// The files' names up to their number.
    stem: String,
    /// For dropped documents, the reasons of the next row group's rows.
    reasons: Option<Vec<&'static str>>,
    shard_bytes: u64,
    /// The shard being written: its path, its writer, the bytes of text in it.
    shard: Option<(PathBuf, SerializedFileWriter<AtomicFile>, u64)>,
    /// Rows of the next row group, and the bytes of their texts.
    rows: Vec<Document>,
    row_bytes: usize,
    written: Written,
}

impl ParquetWriter {
    /// Begins to write into a folder, which is made if it is not there.
    pub fn create(folder: &Path) -> Result<ParquetWriter> {
        ParquetWriter::with_shard_bytes(folder, SHARD_BYTES)
    }

    /// The same with shards of another size, in bytes of text.
    pub fn with_shard_bytes(folder: &Path, shard_bytes: u64) -> Result<ParquetWriter> {
        ParquetWriter::begin(folder, "documents", None, shard_bytes)
    }

    /// The same for documents that were dropped: files with another stem and a column `reason`.
    pub fn of_dropped(folder: &Path, stem: &str) -> Result<ParquetWriter> {
        ParquetWriter::begin(folder, stem, Some(Vec::new()), SHARD_BYTES)
    }

    fn begin(folder: &Path, stem: &str, reasons: Option<Vec<&'static str>>, shard_bytes: u64) -> Result<ParquetWriter> {
        base::files::create_folder(folder)?;
        Ok(ParquetWriter {
            folder: folder.to_path_buf(),
            stem: stem.to_string(),
            reasons,
            shard_bytes,
            shard: None,
            rows: Vec::new(),
            row_bytes: 0,
            written: Written::default(),
        })
    }

    /// Adds a document.
    pub fn write(&mut self, document: Document) -> Result<()> {
        self.row_bytes += document.text.len();
        self.written.documents += 1;
        self.written.bytes += document.text.len() as u64;
        self.rows.push(document);
        let in_shard = self.shard.as_ref().map_or(0, |(_, _, bytes)| *bytes) + self.row_bytes as u64;
        if self.rows.len() == GROUP_ROWS || self.row_bytes >= GROUP_BYTES || in_shard >= self.shard_bytes {
            self.write_group()?;
        }
        if in_shard >= self.shard_bytes {
            self.end_shard()?;
        }
        Ok(())
    }

    /// Adds a document that was dropped, to a writer of such.
    pub fn write_dropped(&mut self, document: Document, reason: &'static str) -> Result<()> {
        self.reasons.as_mut().expect("a writer of dropped documents").push(reason);
        self.write(document)
    }

    /// Writes what is left and ends the last shard.
    pub fn finish(mut self) -> Result<Written> {
        self.write_group()?;
        self.end_shard()?;
        Ok(self.written)
    }

    fn write_group(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let reasons = self.reasons.as_mut().map(std::mem::take);
        let (path, mut writer, bytes) = match self.shard.take() {
            Some(shard) => shard,
            None => {
                let name = format!("{}-{:05}.parquet", self.stem, self.written.files.len());
                let path = self.folder.join(&name);
                self.written.files.push(name);
                let file = AtomicFile::create(&path)?;
                (path.clone(), begin(file, reasons.is_some()).map_err(|source| wrap(&path, source))?, 0)
            }
        };
        let bytes = bytes + std::mem::take(&mut self.row_bytes) as u64;
        writer.next_row_group().and_then(|group| write_columns(group, &rows, reasons.as_deref())).map_err(|source| wrap(&path, source))?;
        self.shard = Some((path, writer, bytes));
        Ok(())
    }

    fn end_shard(&mut self) -> Result<()> {
        let Some((path, writer, _)) = self.shard.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|source| wrap(&path, source))?;
        Ok(file.commit()?)
    }
}

fn begin(file: AtomicFile, with_reasons: bool) -> std::result::Result<SerializedFileWriter<AtomicFile>, ParquetError> {
    let reason = if with_reasons { REASON_COLUMN } else { "" };
    let schema = Arc::new(parse_message_type(&format!("message schema {{ {COLUMNS} {reason} }}"))?);
    let plain = |name: &str| ColumnPath::from(name);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_dictionary_enabled(plain("text"), false)
        .set_column_dictionary_enabled(plain("id"), false)
        .set_column_dictionary_enabled(plain("url"), false)
        .build();
    SerializedFileWriter::new(file, schema, Arc::new(properties))
}

fn write_columns(
    mut group: SerializedRowGroupWriter<AtomicFile>,
    rows: &[Document],
    reasons: Option<&[&'static str]>,
) -> std::result::Result<(), ParquetError> {
    let strings: [fn(&Document) -> &str; 7] =
        [|row| &row.text, |row| &row.id, |row| &row.dump, |row| &row.url, |row| &row.date, |row| &row.file_path, |row| &row.language];
    for string in strings {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(string(row))).collect();
        let mut column = group.next_column()?.expect("the schema has nine columns");
        column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
        column.close()?;
    }
    let scores: Vec<f64> = rows.iter().map(|row| row.language_score).collect();
    let mut column = group.next_column()?.expect("the schema has nine columns");
    column.typed::<DoubleType>().write_batch(&scores, None, None)?;
    column.close()?;
    let counts: Vec<i64> = rows.iter().map(|row| row.token_count).collect();
    let mut column = group.next_column()?.expect("the schema has nine columns");
    column.typed::<Int64Type>().write_batch(&counts, None, None)?;
    column.close()?;
    if let Some(reasons) = reasons {
        let values: Vec<ByteArray> = reasons.iter().map(|&reason| ByteArray::from(reason)).collect();
        let mut column = group.next_column()?.expect("the schema has ten columns");
        column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// The library's error with the file. What the system said inside it, a full disk above all, is told as such.
fn wrap(path: &Path, source: ParquetError) -> Error {
    match source {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(inner) => Error::io(path, "write", *inner),
            Err(inner) => wrap_plain(path, ParquetError::External(inner)),
        },
        source => wrap_plain(path, source),
    }
}

fn wrap_plain(path: &Path, source: ParquetError) -> Error {
    Error::Parquet { path: path.to_path_buf(), action: "write", source, remedy: "check the disk and run again" }
}
