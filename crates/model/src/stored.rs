//! A model as it is stored: tensors in mapped files, by Hugging Face's names, in whatever number format they have: a model folder, or a
//! GGUF file.
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

use crate::gguf::{self, Change, Gguf, Hyperparameters, pairs_to_halves};
use crate::params::TensorSpec;
use crate::{Config, Error, Layout, Result, config_file};

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
    /// Heads whose rows are in pairs and not in halves; 0 for none.
    paired_heads: usize,
}

/// A stored model.
#[derive(Debug)]
pub struct Stored {
    /// Its sizes.
    pub config: Config,
    /// The GGUF file that it stands in, with its keys; none where it is a folder.
    pub gguf: Option<Gguf>,
    /// The weights' files of a folder.
    files: Vec<(PathBuf, MappedFile)>,
    places: HashMap<String, Place>,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl Stored {
    /// Opens a model folder, or a GGUF file.
    pub fn open(path: &Path) -> Result<Stored> {
        if path.is_file() { Stored::open_gguf(path) } else { Stored::open_folder(path) }
    }

    /// Opens a folder's configuration and its weights, in one file or in several.
    fn open_folder(folder: &Path) -> Result<Stored> {
        let config = config_file::read(folder)?;
        let index = folder.join(INDEX_FILE);
        let mut paths = vec![folder.join(WEIGHTS_FILE)];
        if !paths[0].exists() && index.exists() {
            let weight_map = files::read_json::<Index>(&index)?.weight_map;
            let mut names: Vec<&String> = weight_map.values().collect();
            names.sort();
            names.dedup();
            if let Some(name) = names.iter().find(|name| Path::new(name.as_str()).file_name().is_none_or(|own| own != name.as_str())) {
                return Err(base::Error::damaged(&index, "its weight_map", format!("{name:?} is no name of a file"), "restore it").into());
            }
            paths = names.iter().map(|name| folder.join(name)).collect();
        }
        let mut stored = Stored { config, gguf: None, files: Vec::new(), places: HashMap::new() };
        for path in &paths {
            stored.add_safetensors(path)?;
        }
        Ok(stored)
    }

    fn add_safetensors(&mut self, path: &Path) -> Result<()> {
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
            let place = Place { format, shape: view.shape().to_vec(), file: self.files.len(), range, paired_heads: 0 };
            if self.places.insert(name.to_string(), place).is_some() {
                return Err(damaged(path, format!("tensor {name} stands in another file too")));
            }
        }
        self.files.push((path.to_path_buf(), file));
        Ok(())
    }

    /// Opens a GGUF file.
    fn open_gguf(path: &Path) -> Result<Stored> {
        let gguf = Gguf::open(path)?;
        let sizes = Hyperparameters::read(&gguf)?;
        let config = sizes.config(&gguf)?;
        let mut places = HashMap::new();
        for (renamed, entry) in gguf::renamed_tensors(&gguf, &sizes)? {
            let Some(format) = Format::ALL.into_iter().find(|&format| gguf::type_of(format) == entry.kind) else {
                let known = Format::ALL.map(Format::name).join(", ");
                let what = format!("its tensor {} is {}", entry.name, entry.kind.name());
                return Err(Error::unsupported(path, what, format!("use a file of the types {known}")));
            };
            let paired_heads = match renamed.change {
                Change::QueryPairs => config.n_heads,
                Change::KeyPairs => config.n_kv_heads,
                Change::None | Change::Transposed => 0,
            };
            let place = Place { format, shape: entry.shape.clone(), file: 0, range: entry.range.clone(), paired_heads };
            places.insert(renamed.name, place);
        }
        Ok(Stored { config, gguf: Some(gguf), files: Vec::new(), places })
    }

    /// Bytes of all tensors.
    pub fn n_bytes(&self) -> usize {
        self.places.values().map(|place| place.range.len()).sum()
    }

    /// Checks that every tensor of a layout is there in its shape and nothing else that could matter.
    pub fn check(&self, layout: &Layout) -> Result<()> {
        for tensor in &layout.tensors {
            self.place(tensor)?;
        }
        let known: HashSet<&str> = layout.tensors.iter().map(|tensor| self.stored_name(&tensor.name)).collect();
        match self.places.iter().find(|(name, _)| !known.contains(name.as_str()) && !is_idle(name, layout)) {
            Some((name, place)) => Err(damaged(self.path(place), format!("tensor {name} is none that the configuration asks for"))),
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

    /// The file in which a tensor lies.
    fn path(&self, place: &Place) -> &Path {
        self.gguf.as_ref().map_or_else(|| &*self.files[place.file].0, |gguf| &gguf.path)
    }

    fn bytes(&self, place: &Place) -> &[u8] {
        match &self.gguf {
            Some(gguf) => gguf.bytes_at(place.range.clone()),
            None => &self.files[place.file].1[place.range.clone()],
        }
    }

    fn place(&self, tensor: &TensorSpec) -> Result<&Place> {
        let name = self.stored_name(&tensor.name);
        let place = self.places.get(name).ok_or_else(|| {
            let path = self.gguf.as_ref().map_or_else(|| &*self.files[0].0, |gguf| &gguf.path);
            damaged(path, format!("tensor {name} is missing"))
        })?;
        let mut shape = tensor.shape.clone();
        if self.turns(tensor) {
            shape.reverse();
        }
        if place.shape != shape {
            return Err(damaged(
                self.path(place),
                format!("tensor {name} has shape {:?} where the configuration asks for {shape:?}", place.shape),
            ));
        }
        Ok(place)
    }

    /// Whether a tensor lies the other way round than it is used, as GPT-2's matrices do in folders.
    fn turns(&self, tensor: &TensorSpec) -> bool {
        tensor.transposed && self.gguf.is_none()
    }

    /// Reads a tensor, turned the way it is used.
    pub fn read(&self, tensor: &TensorSpec, out: &mut [f32]) -> Result<()> {
        let (format, bytes) = self.rows(tensor)?;
        quant::dequantize(format, &bytes, out);
        match out.iter().position(|value| !value.is_finite()) {
            Some(at) => {
                let path = self.path(self.place(tensor)?);
                Err(damaged(path, format!("tensor {} holds {} at element {at}", tensor.name, out[at])))
            }
            None => Ok(()),
        }
    }

    /// The rows of a tensor in the format that they are stored in, turned the way they are used.
    pub fn rows(&self, tensor: &TensorSpec) -> Result<(Format, Cow<'_, [u8]>)> {
        let place = self.place(tensor)?;
        let bytes = self.bytes(place);
        if place.paired_heads > 0 {
            return Ok((place.format, Cow::Owned(pairs_to_halves(bytes, place.paired_heads, tensor.shape[0]))));
        }
        if !self.turns(tensor) {
            return Ok((place.format, Cow::Borrowed(bytes)));
        }
        // Only numbers that stand by themselves can be turned, and safetensors hold no others.
        let size = place.format.block_bytes();
        let (rows, cols) = (tensor.shape[0], tensor.shape[1]);
        let mut turned = Vec::with_capacity(bytes.len());
        for row in 0..rows {
            (0..cols).for_each(|col| turned.extend_from_slice(&bytes[(col * rows + row) * size..][..size]));
        }
        Ok((place.format, Cow::Owned(turned)))
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
