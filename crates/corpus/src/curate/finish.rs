//! From the tasks' results to the documents of the whole: duplicates are found, everything else is written in order.

use std::fs::File;
use std::path::Path;

use base::files::AtomicFile;
use base::stop::Stop;

use super::examples::Examples;
use super::filters::{EXACT_DUPLICATE, NEAR_DUPLICATE, PII, STEPS};
use super::plan::{Plan, Task, parquet_files, remove_parquet};
use super::task::{COUNTS, Counts, HASHES, SIGNATURES, TaskTime};
use super::{EXAMPLES, FUNNEL, PiiPolicy, Profile, TIMING};
use crate::documents::{Document, ParquetWriter, read_documents};
use crate::duplicates::{Marks, mark_duplicates};
use crate::funnel::{Funnel, LanguageModel, Output, Step};
use crate::minhash::{ClusterConfig, Clusters, cluster};
use crate::{Error, Reason, Result, pii};

/// Bytes that looking for duplicates may take.
const DUPLICATES_BYTES: u64 = 256 << 20;

/// Writes everything and removes the tasks' results. All tasks are done.
pub fn finish(plan: &Plan, stop: &Stop) -> Result<Funnel> {
    let output = &plan.config.output;
    remove_parquet(output, "documents-")?;
    let mut counts = Counts::default();
    let mut examples = Examples::default();
    let mut signatures = Vec::new();
    for task in &plan.tasks {
        // Numbers of documents count over all tasks; `cluster` refuses more than 32 bits can hold.
        signatures.push((plan.folder(task).join(SIGNATURES), counts.documents as u32));
        counts.add(base::files::read_json(&plan.folder(task).join(COUNTS))?);
        examples.add(base::files::read_json(&plan.folder(task).join(EXAMPLES))?);
    }
    let near = ClusterConfig { budget_bytes: DUPLICATES_BYTES as usize, scratch: &plan.work().join("runs"), threads: plan.config.threads };
    let clusters = cluster(&signatures, counts.documents as usize, &near)?;
    let hashes: Vec<_> = plan.tasks.iter().map(|task| plan.folder(task).join(HASHES)).collect();
    let duplicates = mark_duplicates(&hashes, DUPLICATES_BYTES)?;

    let mut join = Join {
        writer: ParquetWriter::create(output)?,
        dropped: plan.config.keep_dropped.as_deref().map(|folder| ParquetWriter::of_dropped(folder, "dropped-later")).transpose()?,
        steps: [EXACT_DUPLICATE, NEAR_DUPLICATE, PII].map(|name| Step { name: name.to_string(), ..Step::default() }),
        examples,
        duplicates,
        clusters,
        pii: plan.config.pii,
        next: 0,
    };
    for task in &plan.tasks {
        join.add(plan, task, stop)?;
    }
    let written = join.writer.finish()?;
    if let Some(dropped) = join.dropped {
        dropped.finish()?;
    }
    counts.steps.extend(join.steps);
    counts.steps.retain(|step| counts.asked.contains(&step.name));
    write_times(plan)?;
    base::files::write_json(&output.join(EXAMPLES), &join.examples)?;
    let mut profiles: Vec<&str> = plan.tasks.iter().map(|task| task.profile.name()).collect();
    profiles.dedup();
    let funnel = Funnel {
        profile: profiles.join(" + "),
        input: counts.input,
        steps: counts.steps,
        language: LanguageModel { model: plan.rules.detector.name(), threshold: plan.rules.language_threshold },
        languages: counts.languages,
        kept_characters: counts.kept_characters,
        dropped_characters: counts.dropped_characters,
        output: Output { documents: written.documents, bytes: written.bytes },
    };
    base::files::write_json(&output.join(FUNNEL), &funnel)?;
    plan.clear()?;
    Ok(funnel)
}

/// The last pass over the tasks' documents.
struct Join {
    writer: ParquetWriter,
    dropped: Option<ParquetWriter>,
    /// The counts of the three last steps.
    steps: [Step; 3],
    examples: Examples,
    duplicates: Marks,
    clusters: Clusters,
    pii: PiiPolicy,
    /// The number of the next document, counted over all tasks.
    next: u64,
}

impl Join {
    fn add(&mut self, plan: &Plan, task: &Task, stop: &Stop) -> Result<()> {
        let folder = plan.folder(task);
        if let Some(dropped) = &plan.config.keep_dropped {
            copy_parquet(&folder, "dropped-", dropped)?;
        }
        for path in parquet_files(&folder, "documents-")? {
            for document in read_documents(&[path])? {
                if stop.requested() {
                    return Err(base::Error::Stopped.into());
                }
                let number = self.next;
                self.next += 1;
                self.take(document?, number, task.profile)?;
            }
        }
        Ok(())
    }

    /// The last steps, for one document.
    fn take(&mut self, mut document: Document, number: u64, profile: Profile) -> Result<()> {
        if profile.asks(EXACT_DUPLICATE) && self.duplicates.is_marked(number) {
            return self.drop(0, document, Reason(EXACT_DUPLICATE));
        }
        self.steps[0].keep(document.text.len() as u64);
        if self.clusters.kept_for(number as u32).is_some() {
            return self.drop(1, document, Reason(NEAR_DUPLICATE));
        }
        self.steps[1].keep(document.text.len() as u64);
        match self.pii {
            PiiPolicy::Drop if profile.asks(PII) => {
                if let Some(kind) = pii::has_pii(&document.text) {
                    let reason = match kind {
                        pii::Kind::Email => "pii/email",
                        pii::Kind::Ip => "pii/ip_address",
                    };
                    return self.drop(2, document, Reason(reason));
                }
            }
            PiiPolicy::Replace if profile.asks(PII) => document.text = pii::replace(&document.text).0,
            _ => {}
        }
        self.steps[2].keep(document.text.len() as u64);
        self.examples.offer_kept(&document.id, document.name(), &document.text);
        self.writer.write(document)
    }

    fn drop(&mut self, step: usize, document: Document, reason: Reason) -> Result<()> {
        self.steps[step].drop(reason);
        self.examples.offer_dropped(reason.0, &document.id, document.name(), &document.text);
        match &mut self.dropped {
            Some(writer) => writer.write_dropped(document, reason.0),
            None => Ok(()),
        }
    }
}

impl Counts {
    /// Adds those of another part of the input.
    fn add(&mut self, other: Counts) {
        self.input.files += other.input.files;
        self.input.records += other.input.records;
        self.input.bytes += other.input.bytes;
        self.documents += other.documents;
        self.asked.extend(other.asked);
        for (language, n) in other.languages {
            *self.languages.entry(language).or_default() += n;
        }
        self.kept_characters.add_all(&other.kept_characters);
        self.dropped_characters.add_all(&other.dropped_characters);
        for step in other.steps {
            match self.steps.iter_mut().find(|own| own.name == step.name) {
                Some(own) => own.add(&step),
                None => self.steps.push(step),
            }
        }
        self.steps.sort_by_key(|step| STEPS.iter().position(|name| *name == step.name));
    }
}

/// Copies the Parquet files of a stem, each whole or not at all.
fn copy_parquet(from: &Path, stem: &str, to: &Path) -> Result<()> {
    for path in parquet_files(from, stem)? {
        let target = to.join(path.file_name().unwrap_or_default());
        let mut source = File::open(&path).map_err(|source| Error::io(&path, "open", source))?;
        let mut copy = AtomicFile::create(&target)?;
        std::io::copy(&mut source, &mut copy).map_err(|source| Error::io(&target, "write", source))?;
        copy.commit()?;
    }
    Ok(())
}

/// The tasks' times in one file.
fn write_times(plan: &Plan) -> Result<()> {
    let times = plan.tasks.iter().map(|task| base::files::read_json(&plan.folder(task).join(TIMING)));
    let times: Vec<TaskTime> = times.collect::<std::result::Result<_, _>>()?;
    Ok(base::files::write_json(&plan.config.output.join(TIMING), &times)?)
}
