//! The training step and the decoding of bench/pytorch in Burn, on its Flex backend, driven by bench/pytorch/compare.py --rival burn.
//!
//! `burn-rival train|decode SHAPE THREADS` measures once for each line on stdin and answers with one JSON object of tokens per
//! second. A step's rows, and sequences side by side, are shared out to THREADS threads, which was faster than sharing out each
//! operation. Queries, keys and values are three products, and gate and up two, as in Burn's own modules: the gradient of a slice
//! fills a whole matrix with zeros.

#![forbid(unsafe_code)]

use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig, SwiGlu, SwiGluConfig};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::Distribution;
use burn::tensor::activation::softmax;
use burn::tensor::module::linear;
use rayon::ThreadPool;

/// As in `schoolhouse bench`.
#[derive(Clone, Copy)]
struct Sizes {
    vocab: usize,
    width: usize,
    blocks: usize,
    heads: usize,
    mlp: usize,
    context: usize,
    rows: usize,
    tied: bool,
}

fn named_shape(name: &str) -> Sizes {
    match name {
        "base" => Sizes { vocab: 4096, width: 256, blocks: 6, heads: 4, mlp: 704, context: 256, rows: 8, tied: false },
        "demo" => Sizes { vocab: 3072, width: 192, blocks: 3, heads: 3, mlp: 512, context: 256, rows: 8, tied: true },
        "small" => Sizes { vocab: 8192, width: 512, blocks: 8, heads: 8, mlp: 1408, context: 512, rows: 4, tied: true },
        _ => panic!("no shape is called {name}"),
    }
}

const INIT: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

fn linear_layer(inner: usize, out: usize, device: &Device) -> Linear {
    LinearConfig::new(inner, out).with_bias(false).with_initializer(INIT).init(device)
}

fn norm(width: usize, device: &Device) -> RmsNorm {
    RmsNormConfig::new(width).with_epsilon(1e-6).init(device)
}

/// Where in its sequence a pass stands: cos and sin (1, tokens, 1, half a head), and what lies ahead of each position.
struct Place {
    past: usize,
    cos: Tensor<4>,
    sin: Tensor<4>,
    ahead: Tensor<4, Bool>,
}

impl Place {
    fn new(sizes: Sizes, past: usize, tokens: usize, device: &Device) -> Place {
        let half = sizes.width / sizes.heads / 2;
        let speeds = (Tensor::<1, Int>::arange(0..half as i64, device).float() * (-10_000f32.ln() / half as f32)).exp();
        let positions = Tensor::<1, Int>::arange(past as i64..(past + tokens) as i64, device).float();
        let angles = (positions.reshape([tokens, 1]) * speeds.reshape([1, half])).reshape([1, tokens, 1, half]);
        let ahead = Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, device).unsqueeze();
        Place { past, cos: angles.clone().cos(), sin: angles.sin(), ahead }
    }

    /// Turns the halves of each head against each other.
    fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let (cos, sin) = (self.cos.clone(), self.sin.clone());
        Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin], 3)
    }
}

/// Keys and values of a block, (rows, heads, context, head dimension).
struct Cache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

#[derive(Module, Debug)]
struct Block {
    norm: RmsNorm,
    norm_mid: RmsNorm,
    q_norm: RmsNorm,
    k_norm: RmsNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    swiglu: SwiGlu,
    down: Linear,
    heads: usize,
}

impl Block {
    fn new(sizes: Sizes, device: &Device) -> Block {
        let Sizes { width, heads, mlp, .. } = sizes;
        Block {
            norm: norm(width, device),
            norm_mid: norm(width, device),
            q_norm: norm(width / heads, device),
            k_norm: norm(width / heads, device),
            q: linear_layer(width, width, device),
            k: linear_layer(width, width, device),
            v: linear_layer(width, width, device),
            out: linear_layer(width, width, device),
            swiglu: SwiGluConfig::new(width, mlp).with_initializer(INIT).init(device),
            down: linear_layer(mlp, width, device),
            heads,
        }
    }

    fn forward(&self, x: Tensor<3>, place: &Place, cache: Option<&mut Cache>) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        let head_dim = width / self.heads;
        let normed = self.norm.forward(x.clone());
        let heads = |layer: &Linear| layer.forward(normed.clone()).reshape([rows, tokens, self.heads, head_dim]);
        let q = place.rotate(self.q_norm.forward(heads(&self.q))).swap_dims(1, 2);
        let mut k = place.rotate(self.k_norm.forward(heads(&self.k))).swap_dims(1, 2);
        let mut v = heads(&self.v).swap_dims(1, 2);
        if let Some(cache) = cache {
            let now = s![.., .., place.past..place.past + tokens, ..];
            cache.keys.inplace(|keys| keys.slice_assign(now, k));
            cache.values.inplace(|values| values.slice_assign(now, v));
            k = cache.keys.clone().narrow(2, 0, place.past + tokens);
            v = cache.values.clone().narrow(2, 0, place.past + tokens);
        }
        let mut scores = q.mul_scalar((head_dim as f64).powf(-0.5)).matmul(k.transpose());
        if tokens > 1 {
            scores = scores.mask_fill(place.ahead.clone().expand([rows, self.heads, tokens, tokens]), f32::NEG_INFINITY);
        }
        let y = softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([rows, tokens, width]);
        let x = x + self.out.forward(y);
        let mlp = self.down.forward(self.swiglu.forward(self.norm_mid.forward(x.clone())));
        x + mlp
    }
}

#[derive(Module, Debug)]
struct Net {
    embed: Embedding,
    blocks: Vec<Block>,
    norm: RmsNorm,
    /// None where the embedding serves as head too.
    head: Option<Linear>,
}

impl Net {
    fn new(sizes: Sizes, device: &Device) -> Net {
        let Sizes { vocab, width, .. } = sizes;
        Net {
            embed: EmbeddingConfig::new(vocab, width).with_initializer(INIT).init(device),
            blocks: (0..sizes.blocks).map(|_| Block::new(sizes, device)).collect(),
            norm: norm(width, device),
            head: (!sizes.tied).then(|| linear_layer(width, vocab, device)),
        }
    }

    fn head(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.norm.forward(x);
        match &self.head {
            Some(head) => head.forward(x),
            None => linear(x, self.embed.weight.val().transpose(), None),
        }
    }

    /// Mean loss of ids (rows, tokens + 1).
    fn loss(&self, ids: &Tensor<2, Int>, place: &Place, cross_entropy: &CrossEntropyLoss) -> Tensor<1> {
        let tokens = ids.dims()[1] - 1;
        let mut x = self.embed.forward(ids.clone().narrow(1, 0, tokens));
        for block in &self.blocks {
            x = block.forward(x, place, None);
        }
        cross_entropy.forward(self.head(x).flatten(0, 1), ids.clone().narrow(1, 1, tokens).flatten(0, 1))
    }

    /// The likeliest next token of every row, (rows, 1).
    fn next(&self, ids: Tensor<2, Int>, place: &Place, caches: &mut [Cache]) -> Tensor<2, Int> {
        let tokens = ids.dims()[1];
        let mut x = self.embed.forward(ids);
        for (block, cache) in self.blocks.iter().zip(caches) {
            x = block.forward(x, place, Some(cache));
        }
        self.head(x.narrow(1, tokens - 1, 1)).argmax(2).squeeze_dim(2)
    }
}

fn random_ids(vocab: usize, rows: usize, tokens: usize, device: &Device) -> Tensor<2, Int> {
    Tensor::<2>::random([rows, tokens], Distribution::Uniform(0.0, vocab as f64), device).int()
}

/// Runs `work(0)`, `work(1)`, ... side by side, each in a pool of one thread, within which nothing is shared out any further.
fn in_parts<T: Send>(pools: &[ThreadPool], work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let parts = pools.iter().enumerate();
        let running: Vec<_> = parts.map(|(part, pool)| scope.spawn(move || pool.install(|| work(part)))).collect();
        running.into_iter().map(|part| part.join().expect("no part panics")).collect()
    })
}

struct Trainer {
    /// Nothing only within a step: Burn's optimizer takes the model and returns it.
    net: Option<Net>,
    optimizer: ModuleOptimizer,
    cross_entropy: CrossEntropyLoss,
    place: Place,
    ids: Tensor<2, Int>,
}

impl Trainer {
    fn new(sizes: Sizes) -> Trainer {
        let device = Device::flex().autodiff();
        // Burn clips each parameter's gradient by its own norm, which costs what clipping by the common norm costs.
        let clipping = Some(GradientClippingConfig::Norm(1.0));
        let adamw = AdamWConfig::new().with_beta_1(0.9).with_beta_2(0.95).with_epsilon(1e-8).with_weight_decay(0.01);
        Trainer {
            net: Some(Net::new(sizes, &device)),
            optimizer: adamw.with_grad_clipping(clipping).init(),
            cross_entropy: CrossEntropyLossConfig::new().init(&device),
            place: Place::new(sizes, 0, sizes.context, &device),
            ids: random_ids(sizes.vocab, sizes.rows, sizes.context + 1, &device),
        }
    }

    fn step(&mut self, pools: &[ThreadPool]) -> f32 {
        let net = self.net.take().expect("every step puts it back");
        let (place, cross_entropy, ids) = (&self.place, &self.cross_entropy, self.ids.clone().chunk(pools.len(), 0));
        let parts = in_parts(pools, |part| {
            // Parameters of their own keep the threads' graphs apart; the numbers themselves are shared.
            let net = net.clone().fork(&self.ids.device());
            let loss = net.loss(&ids[part], place, cross_entropy).div_scalar(ids.len() as f32);
            let grads = GradientsParams::from_grads(loss.backward(), &net);
            (loss.into_scalar::<f32>(), grads)
        });
        let (mut loss, mut sum) = (0.0, GradientsAccumulator::new());
        for (part_loss, grads) in parts {
            loss += part_loss;
            sum.accumulate(&net, grads);
        }
        self.net = Some(self.optimizer.step(1e-3, net, sum.grads()));
        loss
    }
}

/// Median seconds of a call, over three calls and more for at least so long.
fn seconds_of(at_least: f64, mut work: impl FnMut()) -> f64 {
    work();
    let mut times = Vec::new();
    while times.iter().sum::<f64>() < at_least || times.len() < 3 {
        let began = Instant::now();
        work();
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2.0
}

/// Lets sequences grow by a prompt and a token at each place after it, each thread its part of them.
fn generate(net: &Net, places: &[Place], sizes: Sizes, ids: &Tensor<2, Int>, pools: &[ThreadPool]) {
    let parts = ids.clone().chunk(pools.len(), 0);
    in_parts(pools, |part| {
        let mut last = parts[part].clone();
        let empty = || Tensor::zeros([last.dims()[0], sizes.heads, sizes.context, sizes.width / sizes.heads], &last.device());
        let mut caches: Vec<Cache> = (0..sizes.blocks).map(|_| Cache { keys: empty(), values: empty() }).collect();
        for place in places {
            last = net.next(last, place, &mut caches);
        }
    });
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, what, shape, threads] = args.as_slice() else { panic!("burn-rival train|decode SHAPE THREADS") };
    let threads: usize = threads.parse().expect("a number of threads");
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let pools: Vec<ThreadPool> = (0..threads).map(|_| pool()).collect();
    let sizes = named_shape(shape);
    let version = concat!(env!("CARGO_PKG_VERSION"), ", flex");
    if what == "train" {
        let mut trainer = Trainer::new(sizes);
        for step in 0..10 {
            eprintln!("step {step}: loss {:.3}", trainer.step(&pools));
        }
        for _ in std::io::stdin().lines() {
            let seconds = seconds_of(1.5, || _ = trainer.step(&pools));
            println!("{{\"version\": \"{version}\", \"train\": {}}}", (sizes.rows * sizes.context) as f64 / seconds);
        }
    } else {
        let device = Device::flex();
        // One row by a transposed matrix is slow, so that a tied head is decoded with as its copy the other way round.
        let net = Net::new(Sizes { tied: false, ..sizes }, &device);
        let (prompt, tokens, sequences) = (16, 200, 64);
        let places: Vec<Place> = std::iter::once(Place::new(sizes, 0, prompt, &device))
            .chain((prompt..prompt + tokens - 1).map(|past| Place::new(sizes, past, 1, &device)))
            .collect();
        let (one, many) = (random_ids(sizes.vocab, 1, prompt, &device), random_ids(sizes.vocab, sequences, prompt, &device));
        for _ in std::io::stdin().lines() {
            let one = tokens as f64 / seconds_of(1.0, || generate(&net, &places, sizes, &one, &pools[..1]));
            let many = (sequences * tokens) as f64 / seconds_of(2.0, || generate(&net, &places, sizes, &many, &pools));
            println!("{{\"version\": \"{version}\", \"one\": {one}, \"many\": {many}}}");
        }
    }
}
