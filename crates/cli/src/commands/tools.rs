//! The tools that models are given here: search over documents, and Python in a child of this program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use engine::{Tool, ToolLimits, Toolset};
use tools::python::{self, Python};
use tools::search::{Search, SearchLimits};

use super::search::open_index;
use crate::context::Context;

/// The folder `documents` beside a model, as a run has it, if there is one.
pub fn documents_beside(model: &Path) -> std::io::Result<Option<PathBuf>> {
    let beside = std::path::absolute(model)?.with_file_name("documents");
    Ok(Some(beside).filter(|folder| folder.is_dir()))
}

/// Python with these limits, in children of this program.
fn python(limits: python::Limits) -> anyhow::Result<Arc<dyn Tool>> {
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    Ok(Arc::new(Python::new(program, &["python-child"], limits)))
}

/// Python for programs that are graded: what they print themselves stands beside what is looked at.
pub fn sandbox() -> anyhow::Result<Arc<dyn Tool>> {
    python(python::Limits { output_chars: 8000, ..python::Limits::default() })
}

/// Python, and search where there are documents.
pub fn toolset(documents: Option<&Path>, context: &Context) -> anyhow::Result<Toolset> {
    let mut toolset = Toolset {
        python: Some(python(python::Limits::default())?),
        limits: ToolLimits { output_tokens: 176, ..ToolLimits::default() },
        ..Toolset::default()
    };
    if let Some(documents) = documents {
        let index = open_index(&[documents.to_path_buf()], None, context)?;
        toolset.search = Some(Arc::new(Search::new(Box::new(index), SearchLimits::default())));
    }
    Ok(toolset)
}
