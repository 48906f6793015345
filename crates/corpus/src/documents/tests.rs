//! Documents written and read again, in every format.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-documents-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn document(n: usize) -> Document {
    Document {
        text: format!("Text number {n}.\nAnd é more. {}", "word ".repeat(n % 7)),
        id: format!("<urn:uuid:{n}>"),
        dump: "test".into(),
        url: format!("http://a.example/{n}"),
        date: "2024-05-18T01:58:10Z".into(),
        file_path: "a.warc.gz".into(),
        language: "en".into(),
        language_score: 1.0 / (n + 1) as f64,
        token_count: n as i64,
    }
}

fn read(paths: &[PathBuf]) -> Vec<Result<Document>> {
    read_documents(paths).unwrap().collect()
}

#[test]
fn parquet_is_read_as_it_was_written_over_shards_and_row_groups() {
    let folder = scratch("roundtrip");
    let documents: Vec<Document> = (0..2500).map(document).collect();
    let mut writer = ParquetWriter::with_shard_bytes(&folder, 50_000).unwrap();
    documents.iter().for_each(|document| writer.write(document.clone()).unwrap());
    let written = writer.finish().unwrap();
    assert_eq!(written.documents, 2500);
    assert_eq!(written.bytes, documents.iter().map(|document| document.text.len() as u64).sum::<u64>());
    assert_eq!(written.files[..2], ["documents-00000.parquet", "documents-00001.parquet"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), written.files.len());
    let found: Vec<Document> = read(std::slice::from_ref(&folder)).into_iter().map(Result::unwrap).collect();
    assert_eq!(found.len(), documents.len());
    for (found, document) in found.iter().zip(&documents) {
        assert_eq!(found, document);
    }
    let first = fs::read(folder.join("documents-00000.parquet")).unwrap();
    let mut again = ParquetWriter::with_shard_bytes(&folder, 50_000).unwrap();
    documents.iter().for_each(|document| again.write(document.clone()).unwrap());
    again.finish().unwrap();
    assert!(first == fs::read(folder.join("documents-00000.parquet")).unwrap());
    fs::remove_dir_all(folder).unwrap();
}

/// A file with its own columns: other order, nulls, other types.
fn foreign(path: &Path, schema: &str) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::new(WriterProperties::builder().build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[5, 6], Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts: Vec<ByteArray> = ["one", "three"].map(ByteArray::from).to_vec();
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn foreign_parquet_is_read_by_column_names() {
    let folder = scratch("foreign");
    let path = folder.join("x.parquet");
    foreign(&path, "message m { OPTIONAL INT32 token_count; OPTIONAL BYTE_ARRAY text (STRING); }");
    let rows: Vec<Document> = read(std::slice::from_ref(&path)).into_iter().map(Result::unwrap).collect();
    let outline: Vec<(&str, i64, &str, &str)> =
        rows.iter().map(|row| (row.text.as_str(), row.token_count, row.id.as_str(), row.dump.as_str())).collect();
    assert_eq!(outline, [("one", 5, "x.parquet/1", "x"), ("", 0, "x.parquet/2", "x"), ("three", 6, "x.parquet/3", "x")]);
    foreign(&path, "message m { OPTIONAL INT32 a; OPTIONAL BYTE_ARRAY body (STRING); }");
    let refusal = read(std::slice::from_ref(&path)).remove(0).unwrap_err().to_string();
    assert!(refusal.ends_with("x.parquet has no column text; its columns are a, body"), "{refusal}");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    assert!(read(&[path])[0].as_ref().unwrap_err().to_string().contains("cannot read"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn lines_of_json_in_all_compressions() {
    let folder = scratch("jsonl");
    let lines =
        "{\"text\":\"one\",\"id\":7,\"url\":\"u\",\"extra\":[1]}\n\nnonsense\n{\"no\":1}\n{\"text\":\"two\",\"date\":\"2024-01-01\"}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let contents = [lines.as_bytes().to_vec(), gzip.finish().unwrap(), zstd::encode_all(lines.as_bytes(), 1).unwrap()];
    for (name, content) in ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"].iter().zip(contents) {
        let path = folder.join(name);
        fs::write(&path, &content).unwrap();
        let rows = read(std::slice::from_ref(&path));
        assert_eq!(rows.len(), 4, "{name}");
        let first = rows[0].as_ref().unwrap();
        assert_eq!((first.text.as_str(), first.id.as_str(), first.url.as_str(), first.dump.as_str()), ("one", "7", "u", "a"));
        assert!(rows[1].as_ref().unwrap_err().to_string().contains("is damaged at line 3"));
        assert!(rows[2].as_ref().unwrap_err().to_string().contains("missing field `text`"));
        assert_eq!(rows[3].as_ref().unwrap().id, format!("{name}/4"));
        fs::write(&path, &content[..content.len() - 12]).unwrap();
        assert!(read(&[path]).last().unwrap().is_err(), "{name} cut short");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_line_without_end_costs_itself() {
    let mut text = vec![b'x'; MAX_LINE_BYTES + 5];
    text.extend_from_slice(b"\nnext\n");
    let mut lines = &text[..];
    assert_eq!(read_line(&mut lines).unwrap().unwrap().len(), 1 << 10);
    assert_eq!(read_line(&mut lines).unwrap().unwrap(), b"next\n");
    assert_eq!(read_line(&mut lines).unwrap(), None);
}

#[test]
fn text_files_are_documents() {
    let folder = scratch("text");
    fs::write(folder.join("b.md"), "# Title\n\nText").unwrap();
    fs::write(folder.join("a.txt"), b"caf\xe9 au lait, d\xe9j\xe0 vu").unwrap();
    fs::write(folder.join("c.txt"), b"caf\xc3\xa9 na\xc3\xafve \xff\xfe r\xc3\xa9sum\xc3\xa9").unwrap();
    let rows = read(std::slice::from_ref(&folder));
    assert_eq!(rows[0].as_ref().unwrap().text, "café au lait, déjà vu");
    assert_eq!(rows[1].as_ref().unwrap().text, "# Title\n\nText");
    assert_eq!(rows[1].as_ref().unwrap().id, "b.md/1");
    assert!(rows[2].as_ref().unwrap_err().to_string().contains("convert it to UTF-8"));
    fs::write(folder.join("d.warc"), "WARC/1.0\r\n").unwrap();
    assert!(read_documents(std::slice::from_ref(&folder)).err().unwrap().to_string().contains("run curate on it first"));
    fs::remove_dir_all(folder).unwrap();
}
