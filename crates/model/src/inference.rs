//! The forward pass of sampling: tokens are appended to sequences in a KV cache, logits of each last token, or of all, come out.
//!
//! Knows nothing of sampling, stopping and text. Whatever is fed beside a sequence, in however many pieces and on
//! however many threads, its logits have the same bits (see `tensor::decode`).

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tensor::decode::{self, HeadShape, KeyValues};
use tensor::quant::{Format, Packed};
use tensor::rotary::{self, Rotary};
use tensor::{embedding, gelu, layer_norm, norm, swiglu};

use crate::linear::{Linear, Source, Table};
use crate::params::BlockSpans;
use crate::stored::Stored;
use crate::{Config, Error, Family, Layout, Model, Result, Span};

/// A model's weights, laid out for sampling. A copy: later changes of the model do not show here.
#[derive(Debug)]
pub struct Weights {
    config: Config,
    embed: Option<Table>, // (V, C), or nothing where the head is the table
    positions: Vec<f32>,  // (context, C), or nothing
    blocks: Vec<BlockWeights>,
    final_norm: Norm,
    head: Linear, // (V, C)
}

#[derive(Debug)]
struct BlockWeights {
    input_norm: Norm,
    qkv: Linear,      // (H D + 2 K D, C)
    q_norm: Vec<f32>, // (D), or nothing
    k_norm: Vec<f32>, // (D), or nothing
    attn_out: Linear, // (C, H D)
    post_norm: Norm,
    up: Linear,   // (2 F, C), or (F, C) without a gate
    down: Linear, // (C, F)
}

/// A norm's numbers: with a bias it is LayerNorm, without one RMSNorm.
#[derive(Debug)]
struct Norm {
    gain: Vec<f32>, // (C)
    bias: Vec<f32>, // (C), or nothing
}

impl Norm {
    fn apply(&self, x: &[f32], eps: f32, y: &mut [f32], rstd: &mut [f32]) {
        match &self.bias[..] {
            [] => norm::rms_norm(x, &self.gain, eps, y, rstd),
            bias => layer_norm::layer_norm(x, &self.gain, bias, eps, y, rstd),
        }
    }
}

impl Weights {
    /// Lays out the weights of a model, in 32 bits.
    pub fn new(model: &Model) -> Weights {
        Weights::build(model.config, Source::Params(&model.params), None).expect("what is in memory can be read")
    }

    /// Lays out the weights of a model in another format; matrices whose rows its blocks do not divide take a finer one.
    pub fn converted(model: &Model, format: Format) -> Weights {
        Weights::build(model.config, Source::Params(&model.params), Some(format)).expect("what is in memory can be read")
    }

    /// Lays out stored weights, in the formats that they are stored in or in another.
    pub fn load(stored: &Stored, format: Option<Format>) -> Result<Weights> {
        stored.check(&Layout::new(&stored.config))?;
        Weights::build(stored.config, Source::Stored(stored), format)
    }

    fn build(config: Config, source: Source, format: Option<Format>) -> Result<Weights> {
        let layout = &Layout::new(&config);
        let norm =
            |gain: Span, bias: Span| Ok::<_, Error>(Norm { gain: source.numbers(layout, gain)?, bias: source.numbers(layout, bias)? });
        let linear = |matrix: Span, bias: Span| Linear::load(source, layout, matrix, bias, format);
        let block = |spans: &BlockSpans| {
            Ok::<_, Error>(BlockWeights {
                input_norm: norm(spans.input_norm, spans.input_norm_bias)?,
                qkv: linear(spans.qkv, spans.qkv_bias)?,
                q_norm: source.numbers(layout, spans.q_norm)?,
                k_norm: source.numbers(layout, spans.k_norm)?,
                attn_out: linear(spans.attn_out, spans.attn_out_bias)?,
                post_norm: norm(spans.post_norm, spans.post_norm_bias)?,
                up: linear(spans.up, spans.up_bias)?,
                down: linear(spans.down, spans.down_bias)?,
            })
        };
        // Laying out takes longer than reading: on all processors.
        let (blocks, head) =
            rayon::join(|| layout.blocks.par_iter().map(block).collect::<Vec<Result<_>>>(), || linear(layout.head, Span::NONE));
        Ok(Weights {
            config,
            embed: match layout.head == layout.embed {
                true => None,
                false => Some(Table::load(source, &layout.parts(layout.embed)[0], format)?),
            },
            positions: source.numbers(layout, layout.positions)?,
            blocks: blocks.into_iter().collect::<Result<_>>()?,
            final_norm: norm(layout.final_norm, layout.final_norm_bias)?,
            head: head?,
        })
    }

    /// Prepares the caches for single tokens, on the threads of the caller's pool: see [`Packed::read_on_all_threads`].
    fn read_on_all_threads(&self) {
        if self.bytes() <= BYTES_TO_SHARE {
            self.matrices().for_each(Packed::read_on_all_threads);
        }
    }

    /// Bytes of the matrices, all of which a token's pass reads.
    pub fn bytes(&self) -> usize {
        self.matrices().map(Packed::bytes).sum()
    }

    /// The formats of the matrices, each once, in the order in which they come.
    pub fn formats(&self) -> Vec<Format> {
        let mut formats = Vec::new();
        for matrix in self.matrices() {
            if !formats.contains(&matrix.format()) {
                formats.push(matrix.format());
            }
        }
        formats
    }

    fn matrices(&self) -> impl Iterator<Item = &Packed> {
        let blocks = self.blocks.iter().flat_map(|block| [&block.qkv, &block.attn_out, &block.up, &block.down]);
        blocks.chain([&self.head]).flat_map(Linear::matrices)
    }

    /// The architecture's sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// The keys and values of one sequence.
#[derive(Debug, Default)]
struct Slot {
    len: usize,
    layers: Vec<KeyValues>,
}

/// Keys and values of many sequences, each in a slot of its own, and the buffers to extend them.
#[derive(Debug)]
pub struct KvCache {
    capacity: usize,
    slots: Vec<Slot>,
    rotary: Rotary,
    workspaces: Vec<Workspace>, // one per thread
    pool: Option<ThreadPool>,   // shares out a single feed
    prepared: bool,             // whether the last pass was a single token's, and so the caches are ready for the next
}

impl KvCache {
    /// Room for `n_slots` sequences of up to `capacity` tokens. Memory is taken as positions are filled.
    pub fn new(config: &Config, n_slots: usize, capacity: usize) -> KvCache {
        assert!(capacity <= config.context, "sequences of {capacity} tokens in a context of {}", config.context);
        let layers = || (0..config.n_layers).map(|_| KeyValues::new(head_shape(config), capacity)).collect();
        KvCache {
            capacity,
            slots: (0..n_slots).map(|_| Slot { len: 0, layers: layers() }).collect(),
            rotary: Rotary::new(capacity, &config.rotary_frequencies()),
            workspaces: Vec::new(),
            pool: None,
            prepared: false,
        }
    }

    /// Bytes of the keys and values of a sequence of up to `capacity` tokens.
    pub fn bytes_per_slot(config: &Config, capacity: usize) -> usize {
        config.n_layers * KeyValues::bytes(head_shape(config), capacity)
    }

    /// Number of sequences that there is room for.
    pub fn n_slots(&self) -> usize {
        self.slots.len()
    }

    /// Longest sequence, in tokens.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tokens in a slot.
    pub fn len(&self, slot: usize) -> usize {
        self.slots[slot].len
    }

    /// Whether no slot holds a token.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.len == 0)
    }

    /// Empties a slot.
    pub fn reset(&mut self, slot: usize) {
        self.slots[slot].len = 0;
    }

    /// Makes `to` hold what `from` holds.
    pub fn copy_slot(&mut self, from: usize, to: usize) {
        self.copy_prefix(from, to, self.slots[from].len);
    }

    /// Makes `to` hold the first `len` tokens of `from`, or, where both are the same slot, cuts it back to them.
    pub fn copy_prefix(&mut self, from: usize, to: usize, len: usize) {
        assert!(len <= self.slots[from].len, "the first {len} tokens of a slot that holds {}", self.slots[from].len);
        if let Ok([from, to]) = self.slots.get_disjoint_mut([from, to]) {
            for (to, from) in to.layers.iter_mut().zip(&from.layers) {
                to.copy_prefix(from, len);
            }
        }
        self.slots[to].len = len;
    }
}

fn head_shape(config: &Config) -> HeadShape {
    HeadShape { n_heads: config.n_heads, n_kv_heads: config.n_kv_heads, head_dim: config.head_dim }
}

/// Tokens to append to the sequence in a slot.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// The slot.
    pub slot: usize,
    /// At least one token.
    pub tokens: &'a [u32],
}

/// Rows that run through the blocks together: enough to use the kernels well, few enough for the L2 cache.
const MAX_ROWS: usize = 256;

/// Floating-point operations below which a thread is not worth starting (about 30 us): some 100 us of work.
const OPERATIONS_PER_THREAD: usize = 10_000_000;

/// Floating-point operations of a feed below which it is not shared out: some 40 us of reading weights.
const OPERATIONS_TO_SHARE: usize = 500_000;

/// Bytes of weights of which a cache beyond the cores' own may keep most.
const BYTES_TO_SHARE: usize = 128 << 20;

/// Appends tokens to slots, each at most once, and gives `logits` (feeds, V) after the last token of each feed. Feeds
/// are shared out over at most `threads` threads in contiguous groups, and what a single feed computes within each operation.
/// Panics if a slot would overflow, if a feed is empty or if there is no such token.
pub fn forward(weights: &Weights, cache: &mut KvCache, feeds: &[Feed], threads: usize, logits: &mut Vec<f32>) {
    run(weights, cache, feeds, threads, Rows::Last, logits);
}

/// Like [`forward`], and gives `logits` (tokens of all feeds, V) after every token. They have the bits that [`forward`]
/// gives after each.
pub fn forward_all(weights: &Weights, cache: &mut KvCache, feeds: &[Feed], threads: usize, logits: &mut Vec<f32>) {
    run(weights, cache, feeds, threads, Rows::All, logits);
}

/// The tokens of a feed after which there are logits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Last,
    All,
}

impl Rows {
    /// How many there are in these feeds.
    fn count(self, feeds: &[Feed]) -> usize {
        match self {
            Rows::Last => feeds.len(),
            Rows::All => feeds.iter().map(|feed| feed.tokens.len()).sum(),
        }
    }
}

fn run(weights: &Weights, cache: &mut KvCache, feeds: &[Feed], threads: usize, rows: Rows, logits: &mut Vec<f32>) {
    let vocab = weights.config.vocab_size;
    logits.resize(rows.count(feeds) * vocab, 0.0);
    let ends = shares(&weights.config, cache, feeds, threads);
    if cache.workspaces.len() < ends.len() {
        cache.workspaces.resize_with(ends.len(), Workspace::default);
    }
    let alone = matches!(feeds, [feed] if worth_sharing(&weights.config, feed.tokens.len(), cache.len(feed.slot)));
    let is_token = alone && feeds[0].tokens.len() == 1;
    let KvCache { slots, rotary, workspaces, capacity, pool, prepared } = cache;
    let pool = alone.then(|| pool_of(pool, threads)).flatten();
    let was_prepared = std::mem::replace(prepared, is_token && pool.is_some());
    let mut groups = Vec::with_capacity(ends.len());
    let (mut rest, mut start) = (&mut logits[..], 0);
    for (&end, workspace) in ends.iter().zip(workspaces.iter_mut()) {
        let (part, after) = rest.split_at_mut(rows.count(&feeds[start..end]) * vocab);
        workspace.take_slots(&feeds[start..end], slots, *capacity);
        groups.push((&feeds[start..end], part, workspace));
        (rest, start) = (after, end);
    }
    let (first, others) = groups.split_first_mut().expect("at least one group");
    std::thread::scope(|scope| {
        for (feeds, logits, workspace) in others {
            scope.spawn(|| workspace.run(weights, rotary, feeds, rows, logits));
        }
        let (feeds, logits, workspace) = first;
        let mut run = || workspace.run(weights, rotary, feeds, rows, logits);
        match pool {
            Some(pool) if was_prepared || !is_token => pool.install(run),
            Some(pool) => pool.install(|| {
                weights.read_on_all_threads();
                run();
            }),
            None => run(),
        }
    });
    for (feeds, _, workspace) in groups {
        for (feed, slot) in feeds.iter().zip(workspace.slots.drain(..)) {
            slots[feed.slot] = slot;
        }
    }
}

/// The pool of so many threads, started when it is first needed; none where one thread is wanted or none can be started.
fn pool_of(pool: &mut Option<ThreadPool>, threads: usize) -> Option<&ThreadPool> {
    if threads > 1 && pool.as_ref().is_none_or(|pool| pool.current_num_threads() != threads) {
        *pool = ThreadPoolBuilder::new().num_threads(threads).build().ok();
    }
    pool.as_ref().filter(|_| threads > 1)
}

/// Whether a feed of `n` tokens is work enough to enter a pool for.
fn worth_sharing(config: &Config, n: usize, past: usize) -> bool {
    operations(config, n, past) >= OPERATIONS_TO_SHARE
}

/// Where each thread's group of feeds ends: contiguous groups of similar work.
fn shares(config: &Config, cache: &KvCache, feeds: &[Feed], threads: usize) -> Vec<usize> {
    let costs = || feeds.iter().map(|feed| operations(config, feed.tokens.len(), cache.len(feed.slot)));
    let total: usize = costs().sum();
    let n_groups = threads.min(total / OPERATIONS_PER_THREAD).clamp(1, feeds.len().max(1));
    let mut ends = vec![feeds.len(); n_groups];
    let (mut done, mut group) = (0, 0);
    for (index, cost) in costs().enumerate() {
        done += cost;
        while group + 1 < n_groups && done * n_groups >= total * (group + 1) {
            ends[group] = index + 1;
            group += 1;
        }
    }
    ends
}

/// Floating-point operations of `n` tokens after `past` others.
fn operations(config: &Config, n: usize, past: usize) -> usize {
    let per_position = 4 * config.n_layers * config.q_width();
    let linear = config.flops_per_token(0) as usize / 3;
    n * (linear + per_position * (past + n / 2))
}

/// Consecutive tokens of one feed that run in one pass.
#[derive(Clone, Copy, Debug)]
struct Piece {
    feed: usize,
    /// Tokens in the slot before these.
    past: usize,
    /// Number of tokens.
    n: usize,
    /// Whether the feed ends here.
    last: bool,
}

/// What one thread needs. Buffers grow to the largest pass and stay.
#[derive(Debug, Default)]
struct Workspace {
    slots: Vec<Slot>, // those of the feeds, while they run
    pieces: Vec<Piece>,
    tokens: Vec<u32>,
    positions: Vec<u32>,
    residual: Vec<f32>, // (N, C)
    normed: Vec<f32>,   // (N, C)
    qkv: Vec<f32>,      // (N, H D + 2 K D)
    q: Vec<f32>,        // (N, H D)
    k: Vec<f32>,        // (N, K D)
    attended: Vec<f32>, // (N, H D)
    up: Vec<f32>,       // (N, 2 F), or (N, F) without a gate
    gated: Vec<f32>,    // (N, F)
    rstd: Vec<f32>,     // (N, largest number of heads): the backward pass's, unused here
    scores: Vec<f32>,
}

impl Workspace {
    /// Moves the slots of the feeds in here, so that threads own what they write.
    fn take_slots(&mut self, feeds: &[Feed], slots: &mut [Slot], capacity: usize) {
        for feed in feeds {
            let slot = std::mem::take(&mut slots[feed.slot]);
            assert!(!slot.layers.is_empty(), "slot {} is fed twice at once", feed.slot);
            let n = feed.tokens.len();
            assert!(n > 0, "slot {} is fed nothing", feed.slot);
            assert!(slot.len + n <= capacity, "{n} tokens for a slot that holds {} of at most {capacity}", slot.len);
            self.slots.push(slot);
        }
    }

    /// All feeds of a group, at most [`MAX_ROWS`] tokens at a time.
    fn run(&mut self, weights: &Weights, rotary: &Rotary, feeds: &[Feed], rows: Rows, logits: &mut [f32]) {
        let vocab = weights.config.vocab_size;
        let (mut feed, mut fed, mut first_logits) = (0, 0, 0);
        while feed < feeds.len() {
            self.pieces.clear();
            self.tokens.clear();
            self.positions.clear();
            while feed < feeds.len() && self.tokens.len() < MAX_ROWS {
                let waiting = &feeds[feed].tokens[fed..];
                let n = waiting.len().min(MAX_ROWS - self.tokens.len());
                let slot = &mut self.slots[feed];
                let last = n == waiting.len();
                self.pieces.push(Piece { feed, past: slot.len, n, last });
                self.tokens.extend_from_slice(&waiting[..n]);
                self.positions.extend(slot.len as u32..(slot.len + n) as u32);
                slot.len += n;
                (feed, fed) = if last { (feed + 1, 0) } else { (feed, fed + n) };
            }
            let n = match rows {
                Rows::Last => self.pieces.iter().filter(|piece| piece.last).count(),
                Rows::All => self.tokens.len(),
            };
            self.pass(weights, rotary, rows, &mut logits[first_logits * vocab..][..n * vocab]);
            first_logits += n;
        }
    }

    /// The tokens of all pieces through all blocks; logits for all of them or for the pieces that end a feed.
    fn pass(&mut self, weights: &Weights, rotary: &Rotary, rows: Rows, logits: &mut [f32]) {
        let Config { hidden_size: c, intermediate_size: f, norm_eps: eps, n_heads, n_kv_heads, .. } = weights.config;
        let (q_width, kv_width) = (weights.config.q_width(), weights.config.kv_width());
        let (qkv_width, up_width) = (weights.config.qkv_width(), weights.config.up_width());
        let mut n = self.tokens.len();
        for (buffer, width) in [
            (&mut self.residual, c),
            (&mut self.normed, c),
            (&mut self.qkv, qkv_width),
            (&mut self.q, q_width),
            (&mut self.k, kv_width),
            (&mut self.attended, q_width),
            (&mut self.up, up_width),
            (&mut self.gated, f),
            (&mut self.rstd, n_heads),
        ] {
            if buffer.len() < n * width {
                buffer.resize(n * width, 0.0);
            }
        }
        let Workspace { slots, pieces, positions, residual, normed, qkv, q, k, attended, up, gated, rstd, scores, .. } = self;

        match &weights.embed {
            Some(table) => table.rows(&self.tokens, c, &mut residual[..n * c]),
            None => weights.head.rows(&self.tokens, c, &mut residual[..n * c]),
        }
        if !weights.positions.is_empty() {
            embedding::add_rows(positions, &weights.positions, c, &mut residual[..n * c]);
        }
        for (layer, block) in weights.blocks.iter().enumerate() {
            // Attention: norm, one product for q k v, heads normed and turned, keys and values into the cache.
            block.input_norm.apply(&residual[..n * c], eps, &mut normed[..n * c], &mut rstd[..n]);
            block.qkv.apply(&normed[..n * c], &mut qkv[..n * qkv_width]);
            let (queries, keys) = (&mut q[..n * q_width], &mut k[..n * kv_width]);
            if weights.config.family == Family::Qwen3 {
                rotary::head_norm_rotary(qkv, qkv_width, &block.q_norm, eps, rotary, positions, queries, &mut rstd[..n * n_heads]);
                let rstds = &mut rstd[..n * n_kv_heads];
                rotary::head_norm_rotary(&qkv[q_width..], qkv_width, &block.k_norm, eps, rotary, positions, keys, rstds);
            } else {
                rotary::rotate(qkv, qkv_width, rotary, positions, queries);
                rotary::rotate(&qkv[q_width..], qkv_width, rotary, positions, keys);
            }
            let mut row = 0;
            for piece in pieces.iter() {
                for position in piece.past..piece.past + piece.n {
                    let value = &qkv[row * qkv_width + q_width + kv_width..][..kv_width];
                    slots[piece.feed].layers[layer].store(position, &k[row * kv_width..][..kv_width], value);
                    row += 1;
                }
            }
            if rows == Rows::Last && layer + 1 == weights.blocks.len() {
                n = keep_last_rows(pieces, residual, c, q, q_width);
            }
            let mut row = 0;
            for piece in pieces.iter() {
                let cache = &slots[piece.feed].layers[layer];
                let (from, to) = (row * q_width, (row + piece.n) * q_width);
                decode::attend(&q[from..to], cache, piece.past, &mut attended[from..to], scores);
                row += piece.n;
            }
            block.attn_out.add(&attended[..n * q_width], &mut residual[..n * c]);

            // MLP: norm, one product for gate and up, the activation, down.
            block.post_norm.apply(&residual[..n * c], eps, &mut normed[..n * c], &mut rstd[..n]);
            block.up.apply(&normed[..n * c], &mut up[..n * up_width]);
            match weights.config.family {
                Family::Gpt2 => gelu::gelu(&up[..n * f], &mut gated[..n * f]),
                _ => swiglu::swiglu(&up[..n * 2 * f], f, &mut gated[..n * f]),
            }
            block.down.add(&gated[..n * f], &mut residual[..n * c]);
        }
        weights.final_norm.apply(&residual[..n * c], eps, &mut normed[..n * c], &mut rstd[..n]);
        weights.head.apply(&normed[..n * c], logits);
    }
}

/// Once the last block has stored its keys and values, only the last row of a feed matters: the others are dropped.
/// Gives the number of rows left, one for each piece that is left.
fn keep_last_rows(pieces: &mut Vec<Piece>, residual: &mut [f32], c: usize, q: &mut [f32], q_width: usize) -> usize {
    let (mut row, mut kept) = (0, 0);
    pieces.retain_mut(|piece| {
        row += piece.n;
        if piece.last {
            residual.copy_within((row - 1) * c..row * c, kept * c);
            q.copy_within((row - 1) * q_width..row * q_width, kept * q_width);
            piece.past += piece.n - 1;
            piece.n = 1;
            kept += 1;
        }
        piece.last
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activations;
    use base::rng::Rng;

    /// A model whose every weight matters (fresh ones leave the residual stream alone).
    fn model(config: Config) -> Model {
        let mut model = Model::new(config, 1);
        let mut rng = Rng::new(2);
        model.params.data.iter_mut().for_each(|weight| *weight += 0.05 * rng.normal());
        model
    }

    fn tokens(n: usize, vocab: usize, seed: u64) -> Vec<u32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.below(vocab) as u32).collect()
    }

    /// Logits after the last token, by the forward pass of training.
    fn trained_logits(model: &Model, tokens: &[u32]) -> Vec<f32> {
        let (c, vocab) = (model.config.hidden_size, model.config.vocab_size);
        let mut acts = Activations::new(&model.config, 1, tokens.len());
        model.forward(tokens, &mut acts);
        let mut logits = vec![0.0; vocab];
        let table = tensor::Mat::new(model.params.layout.head.of(&model.params.data), vocab, c);
        let hidden = &acts.hidden[(tokens.len() - 1) * c..];
        tensor::matmul(tensor::Mat::new(hidden, 1, c), table.t(), tensor::MatMut::new(&mut logits, 1, vocab));
        logits
    }

    #[track_caller]
    fn assert_close(found: &[f32], expected: &[f32]) {
        let difference: f32 = found.iter().zip(expected).map(|(f, e)| (f - e) * (f - e)).sum();
        let norm: f32 = expected.iter().map(|e| e * e).sum();
        let error = (difference / norm).sqrt();
        assert!(error < 1e-4, "relative error {error:e}");
    }

    fn configs() -> [Config; 6] {
        let dial = Config::from_depth(2, 150, 300);
        [
            dial,
            Config { family: Family::Gpt2, ..dial },
            Config { family: Family::Qwen2, n_kv_heads: 1, ..dial },
            Config { family: Family::Llama, ..dial },
            Config { n_heads: 6, n_kv_heads: 2, head_dim: 20, n_layers: 3, ..dial },
            Config { n_heads: 4, n_kv_heads: 1, head_dim: 6, hidden_size: 20, intermediate_size: 36, tie_embeddings: false, ..dial },
        ]
    }

    #[test]
    fn logits_equal_training_for_prompts_at_once_token_by_token_and_in_batches() {
        for config in configs() {
            let model = model(config);
            let weights = Weights::new(&model);
            // Longer than a pass, shorter than a tile, and between.
            let prompts: Vec<Vec<u32>> = [1, 290, 7, 64, 33, 2].iter().map(|&n| tokens(n, config.vocab_size, n as u64)).collect();
            let mut cache = KvCache::new(&config, prompts.len() + 1, config.context);
            let feeds: Vec<Feed> = prompts.iter().enumerate().map(|(slot, tokens)| Feed { slot, tokens }).collect();
            let mut at_once = Vec::new();
            forward(&weights, &mut cache, &feeds, 1, &mut at_once);
            let mut logits = Vec::new();
            for (prompt, expected) in prompts.iter().zip(at_once.chunks(config.vocab_size)) {
                assert_close(expected, &trained_logits(&model, prompt));
                // Alone, in pieces and token by token, on one thread or several there is not one bit of difference.
                for (piece, threads) in [(prompt.len(), 1), (50, 1), (1, 1), (prompt.len(), 3), (50, 2), (1, 2)] {
                    let slot = prompts.len();
                    cache.reset(slot);
                    for tokens in prompt.chunks(piece) {
                        forward(&weights, &mut cache, &[Feed { slot, tokens }], threads, &mut logits);
                    }
                    assert_eq!(cache.len(slot), prompt.len());
                    assert!(logits == expected, "{} tokens in pieces of {piece} on {threads} threads", prompt.len());
                }
            }
        }
    }

    #[test]
    fn logits_after_every_token_have_the_bits_of_each_fed_alone() {
        for config in configs() {
            let weights = Weights::new(&model(config));
            let vocab = config.vocab_size;
            let sequences: Vec<Vec<u32>> = [290, 1, 40].iter().map(|&n| tokens(n, vocab, n as u64)).collect();
            let mut cache = KvCache::new(&config, sequences.len(), config.context);
            let (mut expected, mut logits) = (Vec::new(), Vec::new());
            for tokens in &sequences {
                cache.reset(0);
                for token in tokens.chunks(1) {
                    forward(&weights, &mut cache, &[Feed { slot: 0, tokens: token }], 1, &mut logits);
                    expected.extend_from_slice(&logits);
                }
            }
            for threads in [1, 3] {
                (0..sequences.len()).for_each(|slot| cache.reset(slot));
                let feeds: Vec<Feed> = sequences.iter().enumerate().map(|(slot, tokens)| Feed { slot, tokens }).collect();
                forward_all(&weights, &mut cache, &feeds, threads, &mut logits);
                assert_eq!(logits.len(), expected.len());
                assert!(logits == expected, "{threads} threads");
            }
        }
    }

    #[test]
    fn sequences_of_different_lengths_go_on_together_on_any_number_of_threads() {
        let config = Config { n_kv_heads: 1, ..Config::from_depth(2, 1000, 64) };
        let model = model(config);
        let weights = Weights::new(&model);
        let sequences: Vec<Vec<u32>> = (0..40).map(|i| tokens(3 + i, config.vocab_size, i as u64)).collect();
        let run = |threads: usize| {
            let mut cache = KvCache::new(&config, sequences.len(), config.context);
            let mut logits = Vec::new();
            for last in [2, 1, 0] {
                let part = |tokens: &'_ [u32]| if last == 2 { 0..tokens.len() - 2 } else { tokens.len() - 1 - last..tokens.len() - last };
                let feeds: Vec<Feed> =
                    sequences.iter().enumerate().map(|(slot, tokens)| Feed { slot, tokens: &tokens[part(tokens)] }).collect();
                forward(&weights, &mut cache, &feeds, threads, &mut logits);
            }
            logits
        };
        let single = run(1);
        for (sequence, logits) in sequences.iter().zip(single.chunks(config.vocab_size)) {
            assert_close(logits, &trained_logits(&model, sequence));
        }
        for threads in [2, 3, 64] {
            assert!(run(threads) == single, "{threads} threads");
        }
    }

    #[test]
    fn a_copied_slot_goes_on_as_the_original() {
        let config = Config::from_depth(1, 100, 40);
        let weights = Weights::new(&model(config));
        let mut cache = KvCache::new(&config, 3, config.context);
        let (shared, mut logits) = (tokens(20, 100, 1), Vec::new());
        assert!(cache.is_empty());
        forward(&weights, &mut cache, &[Feed { slot: 0, tokens: &shared }], 1, &mut logits);
        cache.copy_slot(0, 1);
        cache.copy_prefix(0, 2, 11);
        let tokens = &[5];
        forward(&weights, &mut cache, &[Feed { slot: 2, tokens: &shared[11..] }], 1, &mut logits);
        forward(&weights, &mut cache, &[0, 1, 2].map(|slot| Feed { slot, tokens }), 1, &mut logits);
        assert_eq!([0, 1, 2].map(|slot| cache.len(slot)), [21; 3]);
        assert_eq!(logits[..100], logits[100..200]);
        assert_eq!(logits[..100], logits[200..]);
        cache.copy_prefix(0, 0, 20);
        forward(&weights, &mut cache, &[Feed { slot: 0, tokens }], 1, &mut logits);
        assert_eq!(cache.len(0), 21);
    }

    #[test]
    #[should_panic(expected = "3 tokens for a slot that holds 6 of at most 8")]
    fn a_full_slot_panics_with_both_numbers() {
        let config = Config::from_depth(1, 10, 8);
        let weights = Weights::new(&Model::new(config, 1));
        let mut cache = KvCache::new(&config, 1, 8);
        forward(&weights, &mut cache, &[Feed { slot: 0, tokens: &[1; 6] }], 1, &mut Vec::new());
        forward(&weights, &mut cache, &[Feed { slot: 0, tokens: &[1; 3] }], 1, &mut Vec::new());
    }
}
