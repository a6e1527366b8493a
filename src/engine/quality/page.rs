//! An HTML page about a model, without external resources.

use std::fmt::Write;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::association::associations;
use super::chart::{self, Bar};
use super::sample::Sample;
use crate::engine::Result;
use crate::engine::privacy::ledger::Ledger;
use crate::engine::table::codec::Encoder;
use crate::engine::table::{Block, Column, Domain};

/// Maximum bars of a column, and maximum columns in the square of associations.
const MAX_BARS: usize = 24;
const MAX_COLUMNS: usize = 40;

/// Aggregated rows: the number of rows with each code of each column, and a sample for associations.
pub struct SeenRows {
    counts: Vec<Vec<u64>>,
    sample: Sample,
    rng: ChaCha8Rng,
}

impl SeenRows {
    pub fn new(domains: &[Domain], seed: u64) -> Self {
        let counts = domains.iter().map(|domain| vec![0; domain.size()]).collect();
        Self { counts, sample: Sample::new(domains.len()), rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub fn add(&mut self, block: &Block, columns: &[Column], domains: &[Domain]) -> Result<()> {
        let mut encoder = Encoder::new(columns, domains);
        encoder.push(block, &mut self.rng)?;
        for (counts, codes) in self.counts.iter_mut().zip(&encoder.finish().columns) {
            codes.iter().for_each(|code| counts[code as usize] += 1);
        }
        self.sample.add(block, &mut self.rng);
        Ok(())
    }

    fn shares(&self, column: usize) -> Vec<f64> {
        let counts = &self.counts[column];
        let rows = counts.iter().sum::<u64>().max(1) as f64;
        counts.iter().map(|count| *count as f64 / rows).collect()
    }
}

/// The content of the page.
pub struct Page<'a> {
    pub model: &'a str,
    /// The source's name in SQL.
    pub source: &'a str,
    /// The reason why the guarantee is about rows of the source but not about rows of the tables behind it, if so.
    pub source_rows_only: Option<&'a str>,
    pub method: &'a str,
    pub ledger: &'a Ledger,
    /// The epsilon of each stage of the ledger by itself.
    pub alone: Vec<f64>,
    pub noisy_rows: f64,
    /// All columns, as rows of the view tablediffusion.columns.
    pub columns: Value,
    /// Names of the modelled columns.
    pub names: Vec<&'a str>,
    pub made: SeenRows,
    pub real: Option<SeenRows>,
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --faint: #666; --line: #ccc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #16181b; --faint: #999; --line: #444; }
  svg text { fill: #ddd; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 2rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; }
p.facts, figcaption { color: var(--faint); font-size: .9rem; margin: .2rem 0; }
blockquote { border-left: 4px solid #1f6fb4; margin: 1rem 0; padding: .2rem 1rem; }
.warning { border: 2px solid #c0392b; padding: .6rem 1rem; font-weight: 600; }
figure { margin: .5rem 0 1.5rem; overflow-x: auto; } svg { max-width: 100%; height: auto; }
.key span { white-space: nowrap; margin-left: 1em; }
.key i { display: inline-block; width: .8em; height: .8em; margin-right: .3em; }
@media print { body { margin: 0; max-width: none; } section, figure { break-inside: avoid; } }
";

impl Page<'_> {
    /// The page, in HTML.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn write(&self) -> Result<String> {
        let mut page = String::new();
        let name = escaped(self.model);
        let _ = write!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Synthetic data: {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Synthetic data: {name}</h1>\n"
        );
        if self.real.is_some() {
            page.push_str(
                "<p class=\"warning\">Not differentially private, for the owner only: this page contains figures of the real rows.</p>\n",
            );
        } else {
            page.push_str("<p>This page contains only released information, and may be published.</p>\n");
        }
        self.write_privacy(&mut page);
        self.write_columns(&mut page)?;
        self.write_associations(&mut page)?;
        page.push_str("</body>\n</html>\n");
        Ok(page)
    }

    fn write_privacy(&self, page: &mut String) {
        let ledger = self.ledger;
        let guarantee = ledger.neighbours.guarantee(ledger.epsilon, ledger.delta);
        let _ = write!(
            page,
            "<section><h2>Privacy</h2>\n<table>\n\
             <tr><th>Source</th><td>{}</td></tr>\n<tr><th>Method</th><td>{}</td></tr>\n\
             <tr><th>Epsilon</th><td>{}</td></tr>\n<tr><th>Delta</th><td>{:e}</td></tr>\n\
             <tr><th>Neighbouring tables</th><td>{}</td></tr>\n<tr><th>Rows, noisy count</th><td>{:.0}</td></tr>\n</table>\n\
             <p>To cite, for example to a data protection officer:</p>\n\
             <blockquote>The rows are synthetic. They come from a model that was trained with differential privacy at epsilon {} and \
             delta {:e}. Neighbouring tables differ in this way: {}. {}</blockquote>\n",
            escaped(self.source),
            self.method,
            ledger.epsilon,
            ledger.delta,
            escaped(&ledger.neighbours.describe()),
            self.noisy_rows,
            ledger.epsilon,
            ledger.delta,
            escaped(&ledger.neighbours.describe()),
            escaped(&guarantee),
        );
        if let Some(reason) = self.source_rows_only {
            let _ = writeln!(
                page,
                "<p class=\"warning\">The guarantee is about rows of {0}, but not about rows of the tables behind it: one row \
                 of a table may change many rows of {0}, because {0} has {1}.</p>",
                escaped(self.source),
                escaped(reason),
            );
        }
        page.push_str(
            "<h3>Cost of each stage</h3>\n<table>\n<tr><th>Stage</th><th>Uses</th><th>Epsilon of the stage alone</th></tr>\n",
        );
        for (stage, alone) in ledger.stages().zip(&self.alone) {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{alone:.4}</td></tr>",
                escaped(&stage.name),
                stage.times
            );
        }
        page.push_str("</table>\n<p class=\"facts\">Together they cost less than the sum.</p></section>\n");
    }

    fn write_columns(&self, page: &mut String) -> Result<()> {
        page.push_str("<section><h2>Columns</h2>\n<p class=\"key\">Shares of the rows:");
        for (name, colour) in self.series().iter().zip(chart::SERIES) {
            let _ = write!(
                page,
                "<span><i style=\"background: #{:02x}{:02x}{:02x}\"></i>{name}</span>",
                colour.0, colour.1, colour.2
            );
        }
        let last = self.series().last().copied().unwrap_or_default();
        let _ = writeln!(page, "</p>\n<p class=\"facts\">The figure after the bars is that of {last} rows.</p>");
        let mut place = 0;
        for column in self.columns.as_array().into_iter().flatten() {
            let text = |key: &str| escaped(column[key].as_str().unwrap_or_default());
            let others = match (&column["other_share"], &column["null_share"]) {
                (Value::Null, _) => "",
                (_, Value::Null) => "; other values are sampled as one of these",
                _ => "; other values are sampled as NULL",
            };
            let _ = writeln!(
                page,
                "<section><h3>{}</h3>\n<p class=\"facts\">{}, {}{others}</p>",
                text("name"),
                text("type"),
                if column["values"].is_array() {
                    format!("domain {}", text("domain"))
                } else if text("domain") == "computed" {
                    format!("computed as {}", text("expression"))
                } else {
                    "newly generated".to_owned()
                }
            );
            if column["values"].is_array() {
                let mut shares = vec![self.made.shares(place)];
                shares.extend(self.real.iter().map(|real| real.shares(place)));
                let bars = chart::bars(&bars(column, &shares))?;
                let _ = writeln!(page, "<figure>{bars}</figure>");
                place += 1;
            }
            page.push_str("</section>\n");
        }
        page.push_str("</section>\n");
        Ok(())
    }

    fn series(&self) -> Vec<&'static str> {
        let mut series = vec!["released (noisy)", "synthetic"];
        series.extend(self.real.as_ref().map(|_| "real"));
        series
    }

    fn write_associations(&self, page: &mut String) -> Result<()> {
        let names: Vec<String> = self.names.iter().take(MAX_COLUMNS).map(|name| (*name).to_owned()).collect();
        page.push_str("<section><h2>Associations between columns</h2>\n");
        for (title, seen) in [("Synthetic rows", Some(&self.made)), ("Real rows", self.real.as_ref())] {
            let Some(seen) = seen else { continue };
            let values = associations(&seen.sample);
            let heat = chart::heat(&names, &values.iter().map(|row| row[..names.len()].to_vec()).collect::<Vec<_>>())?;
            let _ = writeln!(
                page,
                "<figure><figcaption>{title}: Cramér’s V, from 0 (faint) to 1</figcaption>\n{heat}</figure>"
            );
        }
        page.push_str("</section>\n");
        Ok(())
    }
}

/// The bars of a column of the view, with the other shares of its codes. If there are many, neighbouring bins are
/// merged, and so are the least frequent categories.
fn bars(column: &Value, others: &[Vec<f64>]) -> Vec<Bar> {
    let share = |value: &Value| value.as_f64().unwrap_or(0.0);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut all: Vec<(String, String, Vec<f64>)> = Vec::new();
    let mut put = |first: String, last: String, released: f64| {
        let code = all.len();
        let shares =
            std::iter::once(released).chain(others.iter().map(|shares| shares.get(code).copied().unwrap_or(0.0)));
        all.push((first, last, shares.collect()));
    };
    let values = column["values"].as_array().map_or(&[][..], Vec::as_slice);
    for value in values {
        match value.get("value") {
            Some(text) => put(shown(text), shown(text), share(&value["share"])),
            None => put(shown(&value["min"]), shown(&value["max"]), share(&value["share"])),
        }
    }
    for (label, released) in [("other values", &column["other_share"]), ("NULL", &column["null_share"])] {
        if !released.is_null() {
            put(label.to_owned(), label.to_owned(), share(released));
        }
    }
    let cells = values.len();
    let rest = all.split_off(cells);
    let width = cells.div_ceil(MAX_BARS).max(1);
    let ordered = column["kind"] == "bins";
    if !ordered && width > 1 {
        all.sort_by(|a, b| b.2[0].total_cmp(&a.2[0]));
    }
    let groups: Vec<&[(String, String, Vec<f64>)]> = if ordered {
        all.chunks(width).collect()
    } else {
        let (heavy, light) = all.split_at(cells.min(MAX_BARS));
        heavy.chunks(1).chain((!light.is_empty()).then_some(light)).collect()
    };
    let label = |group: &[(String, String, Vec<f64>)]| match group {
        [(first, last, _)] if first == last => first.clone(),
        [(first, last, _)] => format!("{first} to {last}"),
        _ if !ordered => format!("{} others", group.len()),
        _ => format!("{} to {}", group[0].0, group[group.len() - 1].1),
    };
    let bar = |group: &[(String, String, Vec<f64>)]| {
        let shares = (0..=others.len()).map(|series| group.iter().map(|(_, _, shares)| shares[series]).sum());
        Bar { label: label(group), shares: shares.collect() }
    };
    groups.into_iter().map(bar).chain(rest.chunks(1).map(bar)).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
