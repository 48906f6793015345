//! Documents from Parquet: any file with a column `text`; the other columns are read where they are there.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::Document;
use crate::{Error, Result};

/// Rows decoded at once.
const BATCH_ROWS: usize = 256;

/// A column of documents, by its name in the file.
const COLUMNS: [&str; 9] = ["text", "id", "dump", "url", "date", "file_path", "language", "language_score", "token_count"];

/// The rows of a file in order. An error ends them.
pub fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Document>> + Send + use<>> {
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    let reader = SerializedFileReader::new(file).map_err(|source| wrap(path, source))?;
    let mut rows = Rows {
        path: path.to_path_buf(),
        columns: find_columns(path, &reader)?,
        reader,
        next_group: 0,
        group: Vec::new(),
        batch: Vec::new().into_iter(),
    };
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        let row = (!ended).then(|| rows.next_row()).and_then(Result::transpose);
        ended |= row.as_ref().is_none_or(Result::is_err);
        row
    }))
}

fn wrap(path: &Path, source: ParquetError) -> Error {
    Error::Parquet { path: path.to_path_buf(), action: "read", source, remedy: "fetch or make the file again" }
}

/// Where in the file the columns stand; `None` for those that are not there or hold something else.
fn find_columns(path: &Path, reader: &SerializedFileReader<File>) -> Result<[Option<usize>; 9]> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let fits = |name: &str, kind: Type| match name {
        "language_score" => matches!(kind, Type::DOUBLE | Type::FLOAT),
        "token_count" => matches!(kind, Type::INT64 | Type::INT32),
        _ => kind == Type::BYTE_ARRAY,
    };
    let found = COLUMNS.map(|name| {
        schema.columns().iter().position(|column| {
            column.path().parts() == [name.to_string()] && column.max_rep_level() == 0 && fits(name, column.physical_type())
        })
    });
    if found[0].is_none() {
        let names: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        return Err(Error::Refused(format!("{} has no column text; its columns are {}", path.display(), names.join(", "))));
    }
    Ok(found)
}

struct Rows {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    columns: [Option<usize>; 9],
    next_group: usize,
    /// Readers of the row group's columns, with the column's place in [`COLUMNS`].
    group: Vec<(usize, ColumnReader)>,
    batch: std::vec::IntoIter<Document>,
}

impl Rows {
    fn next_row(&mut self) -> Result<Option<Document>> {
        loop {
            if let Some(row) = self.batch.next() {
                return Ok(Some(row));
            }
            let batch = self.read_batch().map_err(|source| wrap(&self.path, source))?;
            if !batch.is_empty() {
                self.batch = batch.into_iter();
            } else if self.next_group == self.reader.num_row_groups() {
                return Ok(None);
            } else {
                self.open_group().map_err(|source| wrap(&self.path, source))?;
            }
        }
    }

    fn open_group(&mut self) -> std::result::Result<(), ParquetError> {
        let group = self.reader.get_row_group(self.next_group)?;
        self.next_group += 1;
        let present = self.columns.iter().enumerate().filter_map(|(place, column)| column.map(|column| (place, column)));
        self.group = present
            .map(|(place, column)| Ok((place, group.get_column_reader(column)?)))
            .collect::<std::result::Result<_, ParquetError>>()?;
        Ok(())
    }

    /// The next rows of the row group; none at its end.
    fn read_batch(&mut self) -> std::result::Result<Vec<Document>, ParquetError> {
        let mut rows: Vec<Document> = Vec::new();
        for (place, reader) in &mut self.group {
            match reader {
                ColumnReader::ByteArrayColumnReader(reader) => {
                    for (i, value) in read(reader)?.into_iter().enumerate() {
                        set_string(row(&mut rows, i, *place), *place, value.map(text_of).transpose()?.unwrap_or_default());
                    }
                }
                ColumnReader::DoubleColumnReader(reader) => {
                    read(reader)?
                        .into_iter()
                        .enumerate()
                        .for_each(|(i, value)| row(&mut rows, i, *place).language_score = value.unwrap_or_default());
                }
                ColumnReader::FloatColumnReader(reader) => {
                    let set =
                        |(i, value): (usize, Option<f32>)| row(&mut rows, i, *place).language_score = value.unwrap_or_default().into();
                    read(reader)?.into_iter().enumerate().for_each(set);
                }
                ColumnReader::Int64ColumnReader(reader) => {
                    read(reader)?
                        .into_iter()
                        .enumerate()
                        .for_each(|(i, value)| row(&mut rows, i, *place).token_count = value.unwrap_or_default());
                }
                ColumnReader::Int32ColumnReader(reader) => {
                    let set = |(i, value): (usize, Option<i32>)| row(&mut rows, i, *place).token_count = value.unwrap_or_default().into();
                    read(reader)?.into_iter().enumerate().for_each(set);
                }
                _ => unreachable!("find_columns takes columns of these types only"),
            }
        }
        Ok(rows)
    }
}

/// Row `i` of a batch; the first column, `text`, makes the rows.
fn row(rows: &mut Vec<Document>, i: usize, place: usize) -> &mut Document {
    if place == 0 {
        rows.push(Document::default());
    }
    &mut rows[i]
}

fn set_string(row: &mut Document, place: usize, value: String) {
    let field = match place {
        0 => &mut row.text,
        1 => &mut row.id,
        2 => &mut row.dump,
        3 => &mut row.url,
        4 => &mut row.date,
        5 => &mut row.file_path,
        _ => &mut row.language,
    };
    *field = value;
}

fn text_of(value: ByteArray) -> std::result::Result<String, ParquetError> {
    String::from_utf8(value.data().to_vec()).map_err(|error| ParquetError::General(format!("a text is not UTF-8 ({error})")))
}

/// The next values of a column, `None` where it is null.
fn read<T: DataType>(reader: &mut ColumnReaderImpl<T>) -> std::result::Result<Vec<Option<T::T>>, ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (records, _, _) = reader.read_records(BATCH_ROWS, Some(&mut levels), None, &mut values)?;
    if levels.is_empty() {
        return Ok(values.into_iter().map(Some).collect()); // a required column
    }
    let present = levels.iter().copied().max().unwrap_or(0);
    if values.is_empty() {
        return Ok((0..records).map(|_| None).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| (level == present).then(|| values.next()).flatten()).collect())
}
