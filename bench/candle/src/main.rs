//! The training step and the decoding of bench/pytorch in Candle, on the CPU, driven by bench/pytorch/compare.py --rival candle.
//!
//! `candle-rival train|decode SHAPE THREADS` measures once for each line on stdin and answers with one JSON object of tokens per
//! second. A step's rows, and sequences side by side, are shared out to THREADS threads: steps were twice as fast and more than when
//! each operation shared itself out, which RAYON_NUM_THREADS=1 keeps it from. Decoding uses Candle's fused kernels; they have no
//! gradient, so that training takes the differentiable forms that Candle offers beside them.

#![forbid(unsafe_code)]

use std::time::Instant;

use candle::{D, DType, Device, Result, Tensor, Var};
use candle_nn::kv_cache::KvCache;
use candle_nn::{AdamW, Init, Linear, Module, Optimizer, ParamsAdamW, RmsNorm, VarBuilder, VarMap};
use rayon::ThreadPool;

/// As in `schoolhouse bench`.
#[derive(Clone, Copy)]
struct Shape {
    vocab: usize,
    width: usize,
    blocks: usize,
    heads: usize,
    mlp: usize,
    context: usize,
    rows: usize,
    tied: bool,
}

fn named_shape(name: &str) -> Shape {
    match name {
        "base" => Shape { vocab: 4096, width: 256, blocks: 6, heads: 4, mlp: 704, context: 256, rows: 8, tied: false },
        "demo" => Shape { vocab: 3072, width: 192, blocks: 3, heads: 3, mlp: 512, context: 256, rows: 8, tied: true },
        "small" => Shape { vocab: 8192, width: 512, blocks: 8, heads: 8, mlp: 1408, context: 512, rows: 4, tied: true },
        _ => panic!("no shape is called {name}"),
    }
}

fn linear(inner: usize, out: usize, vb: VarBuilder) -> Result<Linear> {
    let init = Init::Randn { mean: 0.0, stdev: 0.02 };
    Ok(Linear::new(vb.get_with_hints((out, inner), "weight", init)?, None))
}

/// cos and sin of the positions of one pass, each (tokens, half a head).
type Angles = (Tensor, Tensor);

struct Block {
    heads: usize,
    norm: RmsNorm,
    norm_mid: RmsNorm,
    q_norm: RmsNorm,
    k_norm: RmsNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Block {
    fn new(shape: Shape, vb: VarBuilder) -> Result<Block> {
        let Shape { width, heads, mlp, .. } = shape;
        let norm = |size, name| candle_nn::rms_norm(size, 1e-6, vb.pp(name));
        Ok(Block {
            heads,
            norm: norm(width, "norm")?,
            norm_mid: norm(width, "norm_mid")?,
            q_norm: norm(width / heads, "q_norm")?,
            k_norm: norm(width / heads, "k_norm")?,
            q: linear(width, width, vb.pp("q"))?,
            k: linear(width, width, vb.pp("k"))?,
            v: linear(width, width, vb.pp("v"))?,
            out: linear(width, width, vb.pp("out"))?,
            gate: linear(width, mlp, vb.pp("gate"))?,
            up: linear(width, mlp, vb.pp("up"))?,
            down: linear(mlp, width, vb.pp("down"))?,
        })
    }

    /// Queries, keys and values, each (rows, tokens, heads, head dimension).
    fn qkv(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let (rows, tokens, width) = x.dims3()?;
        let heads = |layer: &Linear| layer.forward(x)?.reshape((rows, tokens, self.heads, width / self.heads));
        Ok((heads(&self.q)?, heads(&self.k)?, heads(&self.v)?))
    }

    fn mlp(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&(self.gate.forward(x)?.silu()? * self.up.forward(x)?)?)
    }

    fn train(&self, x: &Tensor, (cos, sin): &Angles, mask: &Tensor) -> Result<Tensor> {
        let (rows, tokens, width) = x.dims3()?;
        let (q, k, v) = self.qkv(&self.norm.forward_diff(x)?)?;
        let rotate = |x: &Tensor| candle_nn::rotary_emb::rope_slow(x, cos, sin);
        let q = rotate(&self.q_norm.forward_diff(&q)?.transpose(1, 2)?.contiguous()?)?;
        let k = rotate(&self.k_norm.forward_diff(&k)?.transpose(1, 2)?.contiguous()?)?;
        let v = v.transpose(1, 2)?.contiguous()?;
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let scores = ((q * scale)?.matmul(&k.t()?)?).broadcast_add(mask)?;
        let y = softmax(&scores)?.matmul(&v)?;
        let x = (x + self.out.forward(&y.transpose(1, 2)?.reshape((rows, tokens, width))?)?)?;
        &x + self.mlp(&self.norm_mid.forward_diff(&x)?)?
    }

    fn decode(&self, x: &Tensor, (cos, sin): &Angles, mask: &Tensor, cache: &mut KvCache) -> Result<Tensor> {
        let (rows, tokens, width) = x.dims3()?;
        let (q, k, v) = self.qkv(&self.norm.forward(x)?)?;
        let rotate = |x: &Tensor| candle_nn::rotary_emb::rope_thd(x, cos, sin)?.transpose(1, 2)?.contiguous();
        let (q, k) = (rotate(&self.q_norm.forward(&q)?)?, rotate(&self.k_norm.forward(&k)?)?);
        let (k, v) = cache.append(&k, &v.transpose(1, 2)?.contiguous()?)?;
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let mut scores = (q * scale)?.matmul(&k.t()?)?;
        if tokens > 1 {
            scores = scores.broadcast_add(mask)?;
        }
        let y = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?;
        let x = (x + self.out.forward(&y.transpose(1, 2)?.reshape((rows, tokens, width))?)?)?;
        &x + self.mlp(&self.norm_mid.forward(&x)?)?
    }
}

/// The maximum only keeps exponentials finite, and needs no gradient.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    let exp = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    exp.broadcast_mul(&exp.sum_keepdim(D::Minus1)?.recip()?)
}

/// Mean cross-entropy of (tokens, vocabulary) against (tokens).
fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
    (log_sum - shifted.gather(&targets.unsqueeze(1)?, 1)?.squeeze(1)?)?.mean_all()
}

struct Net {
    embed: Tensor,
    blocks: Vec<Block>,
    norm: RmsNorm,
    head: Linear,
    cos: Tensor,
    sin: Tensor,
}

impl Net {
    fn new(shape: Shape, vb: VarBuilder) -> Result<Net> {
        let Shape { vocab, width, heads, context, .. } = shape;
        let embed = linear(width, vocab, vb.pp("embed"))?;
        let half = width / heads / 2;
        let speeds: Vec<f32> = (0..half).map(|i| 10_000f32.powf(-(i as f32) / half as f32)).collect();
        let speeds = Tensor::from_vec(speeds, (1, half), &Device::Cpu)?;
        let angles = Tensor::arange(0u32, context as u32, &Device::Cpu)?.to_dtype(DType::F32)?.unsqueeze(1)?.matmul(&speeds)?;
        Ok(Net {
            embed: embed.weight().clone(),
            blocks: (0..shape.blocks).map(|i| Block::new(shape, vb.pp(format!("block{i}")))).collect::<Result<_>>()?,
            norm: candle_nn::rms_norm(width, 1e-6, vb.pp("norm"))?,
            head: if shape.tied { embed } else { linear(width, vocab, vb.pp("head"))? },
            cos: angles.cos()?,
            sin: angles.sin()?,
        })
    }

    fn angles(&self, past: usize, tokens: usize) -> Result<Angles> {
        Ok((self.cos.narrow(0, past, tokens)?, self.sin.narrow(0, past, tokens)?))
    }

    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        let (rows, tokens) = ids.dims2()?;
        self.embed.index_select(&ids.flatten_all()?, 0)?.reshape((rows, tokens, ()))
    }

    /// Mean loss of ids (rows, tokens + 1).
    fn loss(&self, ids: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let tokens = ids.dim(1)? - 1;
        let angles = self.angles(0, tokens)?;
        let mut x = self.embed(&ids.narrow(1, 0, tokens)?)?;
        for block in &self.blocks {
            x = block.train(&x, &angles, mask)?;
        }
        let logits = self.head.forward(&self.norm.forward_diff(&x)?)?.flatten(0, 1)?;
        cross_entropy(&logits, &ids.narrow(1, 1, tokens)?.flatten_all()?)
    }

    /// The likeliest next token of every row, (rows, 1).
    fn next(&self, ids: &Tensor, mask: &Tensor, caches: &mut [KvCache], past: usize) -> Result<Tensor> {
        let tokens = ids.dim(1)?;
        let angles = self.angles(past, tokens)?;
        let mut x = self.embed(ids)?;
        for (block, cache) in self.blocks.iter().zip(caches) {
            x = block.decode(&x, &angles, mask, cache)?;
        }
        let last = x.narrow(1, tokens - 1, 1)?.contiguous()?;
        self.head.forward(&self.norm.forward(&last)?)?.squeeze(1)?.argmax_keepdim(D::Minus1)
    }
}

fn causal_mask(tokens: usize) -> Result<Tensor> {
    let mask = (0..tokens * tokens).map(|i| if i % tokens > i / tokens { f32::NEG_INFINITY } else { 0.0 }).collect();
    Tensor::from_vec(mask, (tokens, tokens), &Device::Cpu)
}

fn random_ids(vocab: usize, rows: usize, tokens: usize) -> Result<Tensor> {
    Tensor::rand(0f32, vocab as f32, (rows, tokens), &Device::Cpu)?.to_dtype(DType::U32)
}

/// Runs `work(0)`, `work(1)`, ... side by side, each in a pool of one thread, within which nothing is shared out any further.
fn in_parts<T: Send>(pools: &[ThreadPool], work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let parts = pools.iter().enumerate();
        let running: Vec<_> = parts.map(|(part, pool)| scope.spawn(move || pool.install(|| work(part)))).collect();
        running.into_iter().map(|part| part.join().expect("no part panics")).collect()
    })
}

struct Trainer {
    net: Net,
    vars: Vec<Var>,
    optimizer: AdamW,
    mask: Tensor,
    ids: Tensor,
}

impl Trainer {
    fn new(shape: Shape) -> Result<Trainer> {
        let map = VarMap::new();
        let net = Net::new(shape, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
        let params = ParamsAdamW { lr: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.01 };
        let optimizer = AdamW::new(map.all_vars(), params)?;
        let ids = random_ids(shape.vocab, shape.rows, shape.context + 1)?;
        Ok(Trainer { net, vars: map.all_vars(), optimizer, mask: causal_mask(shape.context)?, ids })
    }

    fn step(&mut self, pools: &[ThreadPool]) -> Result<f32> {
        let (net, mask, ids) = (&self.net, &self.mask, self.ids.chunk(pools.len(), 0)?);
        let mut parts = in_parts(pools, |part| {
            let loss = (net.loss(&ids[part], mask)? / ids.len() as f64)?;
            Ok((loss.to_scalar::<f32>()?, loss.backward()?))
        })?;
        let (mut loss, mut grads) = parts.pop().expect("at least one part");
        for (part_loss, part_grads) in parts {
            loss += part_loss;
            grads.extend(part_grads)?;
        }
        let mut squares = 0.0;
        for var in &self.vars {
            squares += grads.get(var).expect("every parameter has a gradient").sqr()?.sum_all()?.to_scalar::<f32>()?;
        }
        if squares > 1.0 {
            for var in &self.vars {
                let clipped = (grads.remove(var).expect("every parameter has a gradient") * f64::from(squares).powf(-0.5))?;
                grads.insert(var, clipped);
            }
        }
        self.optimizer.step(&grads)?;
        Ok(loss)
    }
}

/// Median seconds of a call, over three calls and more for at least so long.
fn seconds_of(at_least: f64, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut times = Vec::new();
    while times.iter().sum::<f64>() < at_least || times.len() < 3 {
        let began = Instant::now();
        work()?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2.0)
}

/// Lets sequences grow by `tokens`, each thread its part of them.
fn generate(net: &Net, shape: Shape, ids: &Tensor, tokens: usize, pools: &[ThreadPool]) -> Result<()> {
    let (prompt, parts) = (ids.dim(1)?, ids.chunk(pools.len(), 0)?);
    let mask = causal_mask(prompt)?;
    in_parts(pools, |part| {
        let mut caches = vec![KvCache::new(2, shape.context); shape.blocks];
        let mut last = net.next(&parts[part], &mask, &mut caches, 0)?;
        for past in prompt..prompt + tokens - 1 {
            last = net.next(&last, &mask, &mut caches, past)?;
        }
        Ok(())
    })
    .map(drop)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, what, shape, threads] = args.as_slice() else { panic!("candle-rival train|decode SHAPE THREADS") };
    let threads: usize = threads.parse().expect("a number of threads");
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let pools: Vec<ThreadPool> = (0..threads).map(|_| pool()).collect();
    let shape = named_shape(shape);
    let version = env!("CARGO_PKG_VERSION");
    if what == "train" {
        let mut trainer = Trainer::new(shape)?;
        for step in 0..10 {
            eprintln!("step {step}: loss {:.3}", trainer.step(&pools)?);
        }
        for _ in std::io::stdin().lines() {
            let seconds = seconds_of(1.5, || trainer.step(&pools).map(drop))?;
            println!("{{\"version\": \"{version}\", \"train\": {}}}", (shape.rows * shape.context) as f64 / seconds);
        }
    } else {
        let map = VarMap::new();
        Net::new(shape, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
        // Without variables nothing is recorded for a backward pass.
        let vars = map.data().lock().expect("one thread").iter().map(|(name, var)| (name.clone(), var.detach())).collect();
        let net = Net::new(shape, VarBuilder::from_tensors(vars, DType::F32, &Device::Cpu))?;
        let (prompt, tokens, sequences) = (16, 200, 64);
        let (one, many) = (random_ids(shape.vocab, 1, prompt)?, random_ids(shape.vocab, sequences, prompt)?);
        for _ in std::io::stdin().lines() {
            let one = tokens as f64 / seconds_of(1.0, || generate(&net, shape, &one, tokens, &pools[..1]))?;
            let many = (sequences * tokens) as f64 / seconds_of(2.0, || generate(&net, shape, &many, tokens, &pools))?;
            println!("{{\"version\": \"{version}\", \"one\": {one}, \"many\": {many}}}");
        }
    }
    Ok(())
}
