//! A model as it is stored: tensors in mapped files, by Hugging Face's names, in whatever number format they have.
//!
//! Nothing is read but headers until a tensor is asked for. What a header says is checked against the file's size.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use base::files;
use base::mmap::MappedFile;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;
use tensor::quant::{self, Format};

use crate::params::TensorSpec;
use crate::{Error, Layout, Result};

/// The weights of a folder in one file.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Which of several files holds each tensor.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// The format of a type of safetensors; none for what is no weight.
fn format_of(dtype: Dtype) -> Option<Format> {
    match dtype {
        Dtype::F32 => Some(Format::F32),
        Dtype::F16 => Some(Format::F16),
        Dtype::BF16 => Some(Format::Bf16),
        _ => None,
    }
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
struct Place {
    format: Format,
    shape: Vec<usize>,
    file: usize,
    range: Range<usize>,
}

/// Tensors in files.
#[derive(Debug)]
pub struct Stored {
    files: Vec<(PathBuf, MappedFile)>,
    places: HashMap<String, Place>,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl Stored {
    /// Opens the weights of a model folder, in one file or in several.
    pub fn open(folder: &Path) -> Result<Stored> {
        let index = folder.join(INDEX_FILE);
        if !folder.join(WEIGHTS_FILE).exists() && index.exists() {
            let weight_map = files::read_json::<Index>(&index)?.weight_map;
            let mut names: Vec<&String> = weight_map.values().collect();
            names.sort();
            names.dedup();
            if let Some(name) = names.iter().find(|name| Path::new(name.as_str()).file_name().is_none_or(|own| own != name.as_str())) {
                return Err(base::Error::damaged(&index, "its weight_map", format!("{name:?} is no name of a file"), "restore it").into());
            }
            let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
            return Stored::open_files(&paths);
        }
        Stored::open_files(&[folder.join(WEIGHTS_FILE)])
    }

    /// Opens safetensors files that together hold a model.
    pub fn open_files(paths: &[PathBuf]) -> Result<Stored> {
        let mut stored = Stored { files: Vec::new(), places: HashMap::new() };
        for path in paths {
            let file = MappedFile::open(path)?;
            let tensors = SafeTensors::deserialize(&file).map_err(|error| damaged(path, error.to_string()))?;
            for (name, view) in tensors.iter() {
                // The library gives slices of the file: where they begin is where they lie.
                let start = view.data().as_ptr() as usize - file.as_ptr() as usize;
                let range = start..start + view.data().len();
                let Some(format) = format_of(view.dtype()) else {
                    // Masks and counters that old files carry along are nobody's weights.
                    continue;
                };
                let place = Place { format, shape: view.shape().to_vec(), file: stored.files.len(), range };
                if stored.places.insert(name.to_string(), place).is_some() {
                    return Err(damaged(path, format!("tensor {name} stands in another file too")));
                }
            }
            stored.files.push((path.clone(), file));
        }
        Ok(stored)
    }

    /// Checks that every tensor of a layout is there in its shape and nothing else that could matter.
    pub fn check(&self, layout: &Layout) -> Result<()> {
        for tensor in &layout.tensors {
            self.place(tensor)?;
        }
        let known: HashSet<&str> = layout.tensors.iter().map(|tensor| self.stored_name(&tensor.name)).collect();
        match self.places.keys().find(|name| !known.contains(name.as_str()) && !is_idle(name, layout)) {
            Some(name) => {
                let (path, _) = &self.files[self.places[name].file];
                Err(damaged(path, format!("tensor {name} is none that the configuration asks for")))
            }
            None => Ok(()),
        }
    }

    /// GPT-2's own files leave the prefix of all names out.
    fn stored_name<'n>(&self, name: &'n str) -> &'n str {
        match name.strip_prefix("transformer.") {
            Some(short) if !self.places.contains_key(name) => short,
            _ => name,
        }
    }

    fn place(&self, tensor: &TensorSpec) -> Result<&Place> {
        let (path, _) = &self.files[0];
        let name = self.stored_name(&tensor.name);
        let place = self.places.get(name).ok_or_else(|| damaged(path, format!("tensor {name} is missing")))?;
        let mut shape = tensor.shape.clone();
        if tensor.transposed {
            shape.reverse();
        }
        if place.shape != shape {
            let (path, _) = &self.files[place.file];
            return Err(damaged(path, format!("tensor {name} has shape {:?} where the configuration asks for {shape:?}", place.shape)));
        }
        Ok(place)
    }

    /// The bytes of a tensor and what they are.
    fn bytes(&self, tensor: &TensorSpec) -> Result<(&Path, Format, &[u8])> {
        let place = self.place(tensor)?;
        let (path, file) = &self.files[place.file];
        Ok((path, place.format, &file[place.range.clone()]))
    }

    /// Reads a tensor, turned the way it is used.
    pub fn read(&self, tensor: &TensorSpec, out: &mut [f32]) -> Result<()> {
        let (path, format, bytes) = self.bytes(tensor)?;
        if tensor.transposed {
            let (rows, cols) = (tensor.shape[0], tensor.shape[1]);
            let mut stored = vec![0.0; out.len()];
            quant::dequantize(format, bytes, &mut stored);
            for (row, out) in out.chunks_exact_mut(cols).enumerate() {
                out.iter_mut().zip(stored[row..].iter().step_by(rows)).for_each(|(out, &value)| *out = value);
            }
        } else {
            quant::dequantize(format, bytes, out);
        }
        match out.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(damaged(path, format!("tensor {} holds {} at element {at}", tensor.name, out[at]))),
            None => Ok(()),
        }
    }

    /// The rows of a matrix in the format that they are stored in, turned the way they are used.
    pub fn rows(&self, tensor: &TensorSpec) -> Result<(Format, Cow<'_, [u8]>)> {
        let (_, format, bytes) = self.bytes(tensor)?;
        if !tensor.transposed {
            return Ok((format, Cow::Borrowed(bytes)));
        }
        // Only numbers that stand by themselves can be turned.
        let size = format.block_bytes();
        let (rows, cols) = (tensor.shape[0], tensor.shape[1]);
        let mut turned = Vec::with_capacity(bytes.len());
        for row in 0..rows {
            (0..cols).for_each(|col| turned.extend_from_slice(&bytes[(col * rows + row) * size..][..size]));
        }
        Ok((format, Cow::Owned(turned)))
    }
}

/// Tensors that files carry along and that no forward pass needs: masks, angles, and the head where it is the embedding table.
fn is_idle(name: &str, layout: &Layout) -> bool {
    name.ends_with(".attn.bias")
        || name.ends_with(".attn.masked_bias")
        || name.ends_with("rotary_emb.inv_freq")
        || name == "lm_head.weight" && layout.head == layout.embed
}

fn damaged(path: &Path, why: String) -> Error {
    Error::File(base::Error::damaged(path, "its header", why, "restore the file or make it again"))
}
