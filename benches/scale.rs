//! What a training costs on a table of any size, without PostgreSQL: time, processor time and peak memory by phase.
//!
//! ```text
//! cargo bench --no-default-features --bench scale -- [--rows N] [--columns N] [--domain N] [--method NAME]
//!     [--epsilon E]
//! ```
//! The table is made up, block by block, the same at every scan: columns are texts, whole numbers and real numbers in
//! turn, of so many different values, the small ones more frequent, every other column leaning on the one before.

use std::error::Error;
use std::fs;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Map;
use tablediffusion::engine::artifact::SAMPLE_BLOCK;
use tablediffusion::engine::job::{Job, Next, Request};
use tablediffusion::engine::models::Method;
use tablediffusion::engine::table::{Block, BlockColumn, Column, Measure};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows of a block.
const BLOCK: usize = 10_000;

struct Arguments {
    rows: usize,
    columns: usize,
    domain: u32,
    method: String,
    epsilon: f64,
}

fn arguments() -> Result<Arguments> {
    let mut a = Arguments { rows: 1_000_000, columns: 15, domain: 100, method: "guided".into(), epsilon: 1.0 };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rows" => a.rows = value.parse()?,
            "--columns" => a.columns = value.parse()?,
            "--domain" => a.domain = value.parse()?,
            "--method" => a.method = value,
            "--epsilon" => a.epsilon = value.parse()?,
            _ => return Err(format!("unknown flag {word}").into()),
        }
    }
    Ok(a)
}

fn measure(column: usize) -> Measure {
    [Measure::Category, Measure::Lattice, Measure::Real][column % 3]
}

/// The rows of a block from its number.
fn block(number: usize, a: &Arguments) -> Block {
    let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
    let rows = BLOCK.min(a.rows - number * BLOCK);
    let mut last = vec![0u32; rows];
    let columns = (0..a.columns).map(|column| {
        for value in &mut last {
            let leans = column % 2 == 1 && rng.random_bool(0.7);
            let fresh = (rng.random::<f64>().powi(3) * f64::from(a.domain)) as u32;
            *value = if leans { (*value + fresh / 16) % a.domain } else { fresh };
        }
        if measure(column) == Measure::Category {
            let mut cells = BlockColumn::categories();
            last.iter().for_each(|value| cells.push_text(Some(format!("value {value}").as_bytes())));
            cells
        } else {
            let mut cells = BlockColumn::numbers();
            last.iter().for_each(|value| cells.push_number(Some(f64::from(*value))));
            cells
        }
    });
    Block { rows, columns: columns.collect() }
}

/// Seconds of processor time so far, and the most memory held, in MiB.
fn spent() -> (f64, f64) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/self/stat");
    let fields: Vec<f64> = stat.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    let status = read("/proc/self/status");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
    (fields.iter().sum::<f64>() / 100.0, peak.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0)
}

fn main() -> Result<()> {
    let a = arguments()?;
    let column = |i| Column { name: format!("c{i}"), measure: measure(i), nullable: false, declared: None };
    let mut job = Job::new(Request {
        columns: (0..a.columns).map(column).collect(),
        epsilon: a.epsilon,
        delta: 1e-6,
        method: Method::parse(&a.method)?,
        unit: None,
        options: Map::new(),
        memory_limit: 0,
    })?;
    println!("estimated: {:.0} MiB", job.expect_rows(a.rows as f64)? as f64 / 1048576.0);
    let start = Instant::now();
    // Seconds and processor seconds that went into making rows up, which is no part of it.
    let mut made = (0.0, 0.0);
    let tell = |what: &str, made: (f64, f64)| {
        let (cpu, peak) = spent();
        let seconds = start.elapsed().as_secs_f64() - made.0;
        println!("{seconds:8.1} s  {:8.1} CPU s  {peak:7.0} MiB  {what}", cpu - made.1);
    };
    let mut phase = "";
    loop {
        if job.progress().phase() != phase {
            phase = job.progress().phase();
            tell(phase, made);
        }
        match job.next() {
            Next::Count => job.counted(a.rows as u64)?,
            Next::Discover | Next::Encode => {
                for number in 0..a.rows.div_ceil(BLOCK) {
                    let (before, cpu) = (Instant::now(), spent().0);
                    let block = block(number, &a);
                    made = (made.0 + before.elapsed().as_secs_f64(), made.1 + spent().0 - cpu);
                    job.observe(&block)?;
                }
                job.end_scan()?;
            }
            Next::Step => job.step()?,
            Next::CountUnits => return Err("every row is a unit".into()),
            Next::Done => break,
        }
    }
    tell("trained", made);
    let artifact = job.finish()?;
    let mut sampler = artifact.sampler(1);
    let mut sampled = 0;
    while sampled < 100_000 {
        sampled += sampler.next_block(SAMPLE_BLOCK)?.rows;
    }
    tell(&format!("sampled {sampled} rows"), made);
    Ok(())
}
