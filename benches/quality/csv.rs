//! Trains on a CSV file without PostgreSQL and writes synthetic rows: the bench behind tuning.
//!
//! ```text
//! cargo bench --no-default-features --bench csv -- IN.csv OUT.csv [--method NAME] [--epsilon E] [--delta D]
//!     [--rows N] [--seed N] [--options JSON] [--separator C] [--drop COLUMN]... [--declare JSON]
//!     [--moments COLUMN=PER_DAY]...
//! ```
//! Columns whose every value parses as a number are numeric (a lattice if all are whole); `--declare` takes
//! `{"column": [lo, hi]}`, and `--moments` the units in a day of a column that counts time from 2000-01-01 on. Column kinds are read off the data, which a real caller takes from the catalog.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::time::Instant;

use serde_json::{Map, Value};
use tablediffusion::engine::artifact::SAMPLE_BLOCK;
use tablediffusion::engine::job::{Job, Next, Request};
use tablediffusion::engine::models::Method;
use tablediffusion::engine::table::{Block, BlockColumn, Column, Declared, Measure};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Arguments {
    files: Vec<String>,
    method: String,
    epsilon: f64,
    delta: f64,
    rows: Option<usize>,
    seed: u64,
    options: Map<String, Value>,
    separator: char,
    drop: Vec<String>,
    declare: Map<String, Value>,
    moments: Vec<(String, u64)>,
}

fn arguments() -> Result<Arguments> {
    let mut a = Arguments {
        files: Vec::new(),
        method: "tablediffusion".into(),
        epsilon: 1.0,
        delta: 1e-5,
        rows: None,
        seed: 1,
        options: Map::new(),
        separator: ',',
        drop: Vec::new(),
        declare: Map::new(),
        moments: Vec::new(),
    };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else {
            a.files.push(word);
            continue;
        };
        let value = words.next().ok_or_else(|| format!("--{flag} needs a value"))?;
        match flag {
            "method" => a.method = value,
            "epsilon" => a.epsilon = value.parse()?,
            "delta" => a.delta = value.parse()?,
            "rows" => a.rows = Some(value.parse()?),
            "seed" => a.seed = value.parse()?,
            "options" => a.options = serde_json::from_str(&value)?,
            "separator" => a.separator = value.parse()?,
            "drop" => a.drop.push(value),
            "moments" => {
                let (column, per_day) = value.split_once('=').ok_or("--moments needs COLUMN=PER_DAY")?;
                a.moments.push((column.to_owned(), per_day.parse()?));
            }
            "declare" => a.declare = serde_json::from_str(&value)?,
            _ => return Err(format!("unknown flag --{flag}").into()),
        }
    }
    Ok(a)
}

/// The file's columns and all its rows as blocks.
fn read(path: &str, a: &Arguments) -> Result<(Vec<Column>, Vec<Block>)> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines().map(|line| line.split(a.separator).collect::<Vec<_>>());
    let names = lines.next().ok_or("empty file")?;
    let rows: Vec<Vec<&str>> = lines.collect();
    let kept: Vec<usize> = (0..names.len()).filter(|&j| !a.drop.iter().any(|d| d == names[j])).collect();
    let columns: Vec<Column> = kept.iter().map(|&j| column(names[j], j, &rows, a)).collect();
    let blocks = rows.chunks(4096).map(|chunk| block(chunk, &kept, &columns)).collect();
    Ok((columns, blocks))
}

fn column(name: &str, j: usize, rows: &[Vec<&str>], a: &Arguments) -> Column {
    let present = || rows.iter().map(|row| row[j]).filter(|v| !v.is_empty());
    let measure = if present().all(|v| v.parse::<i64>().is_ok()) {
        Measure::Lattice
    } else if present().all(|v| v.parse::<f64>().is_ok()) {
        Measure::Real
    } else {
        Measure::Category
    };
    let measure = match a.moments.iter().find(|(column, _)| column == name) {
        Some((_, per_day)) => Measure::Moment { per_day: *per_day },
        None => measure,
    };
    let declared = match a.declare.get(name) {
        Some(Value::Array(range)) if range.len() == 2 && range.iter().all(Value::is_number) => {
            Some(Declared::Range { lo: range[0].as_f64(), hi: range[1].as_f64() })
        }
        Some(Value::Array(values)) => {
            Some(Declared::Categories(values.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
        }
        _ => None,
    };
    let measure = if matches!(declared, Some(Declared::Categories(_))) { Measure::Category } else { measure };
    Column { name: name.to_owned(), measure, nullable: present().count() < rows.len(), declared }
}

fn block(rows: &[Vec<&str>], kept: &[usize], columns: &[Column]) -> Block {
    let columns = kept.iter().zip(columns).map(|(&j, column)| {
        let values = rows.iter().map(|row| Some(row[j]).filter(|v| !v.is_empty()));
        if column.measure == Measure::Category {
            let mut cells = BlockColumn::categories();
            values.for_each(|v| cells.push_text(v.map(str::as_bytes)));
            cells
        } else {
            let mut cells = BlockColumn::numbers();
            values.for_each(|v| cells.push_number(v.and_then(|v| v.parse().ok())));
            cells
        }
    });
    Block { rows: rows.len(), columns: columns.collect() }
}

fn write(path: &str, columns: &[Column], blocks: &[Block], separator: char) -> Result<()> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    let separator = separator.to_string();
    writeln!(out, "{}", columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(&separator))?;
    for block in blocks {
        for row in 0..block.rows {
            let cells = block.columns.iter().map(|cells| match cells {
                BlockColumn::Categories { .. } => {
                    cells.text(row).map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default()
                }
                BlockColumn::Numbers { .. } => cells.number(row).map(|v| v.to_string()).unwrap_or_default(),
            });
            writeln!(out, "{}", cells.collect::<Vec<_>>().join(&separator))?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let a = arguments()?;
    let [input, output] = a.files.as_slice() else { return Err("give an input and an output file".into()) };
    let (columns, blocks) = read(input, &a)?;
    let rows: usize = blocks.iter().map(|b| b.rows).sum();
    let start = Instant::now();
    let mut job = Job::new(Request {
        columns: columns.clone(),
        epsilon: a.epsilon,
        delta: a.delta,
        method: Method::parse(&a.method)?,
        unit: None,
        options: a.options.clone(),
        memory_limit: 0,
    })?;
    let mut phase = "";
    loop {
        if job.progress().phase() != phase {
            phase = job.progress().phase();
            eprintln!("{:8.3} s  {phase}", start.elapsed().as_secs_f64());
        }
        match job.next() {
            Next::Count => job.counted(rows as u64)?,
            Next::Discover | Next::Encode => {
                blocks.iter().try_for_each(|block| job.observe(block))?;
                job.end_scan()?;
            }
            Next::Step => job.step()?,
            Next::CountUnits => return Err("every row is a unit".into()),
            Next::Done => break,
        }
    }
    let artifact = job.finish()?;
    for stage in artifact.ledger.stages() {
        eprintln!("            {} x {}: {:?}", stage.times, stage.name, stage.mechanism);
    }
    let start = Instant::now();
    let mut sampler = artifact.sampler(a.seed);
    let mut left = a.rows.unwrap_or(rows);
    let mut synthetic = Vec::new();
    while left > 0 {
        let block = sampler.next_block(left.min(SAMPLE_BLOCK))?;
        left -= block.rows;
        synthetic.push(block);
    }
    eprintln!("{:8.3} s  sampled", start.elapsed().as_secs_f64());
    write(output, &columns, &synthetic, a.separator)
}
