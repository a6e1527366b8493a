//! `pate_gan`: teachers, each of which sees a part of the units, vote with noise on whether rows are real. Half of
//! these rows come from a generator. A student learns from the votes, and the generator from the student (Jordon et
//! al., ICLR 2019; pate_gan.py).
//!
//! Each unit belongs to one part, which is drawn independently. A teacher is a function of its part and of earlier
//! releases. So one more or less unit changes one teacher, and each count of votes by one. Counts get Gaussian noise.
//! Their number is fixed before the first.

use burn_tensor::Tensor;
use burn_tensor::activation::log_sigmoid;
use rand::RngExt;
use rayon::prelude::*;

use super::blocks::Blocks;
use super::critic;
use super::generator::{self, BETAS, Generator, GeneratorRows};
use super::model::{BaselineModel, layout};
use super::options::BaselineOptions;
use super::wgan::{membership, memory};
use crate::engine::Result;
use crate::engine::models::contract::{Synthesizer, TrainingBudget, TrainingInput};
use crate::engine::models::row_encoding::{Clean, Layout, row_of, widest};
use crate::engine::models::training::Learner;
use crate::engine::nn::adam::Adam;
use crate::engine::nn::device::{matrix, values};
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::tensors::{constant, gradient, leaves, mlp, of_mlp};
use crate::engine::privacy::accountant;
use crate::engine::privacy::mechanisms::noisy_counts::noisy_counts;
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::meter::Meter;
use crate::engine::table::UnitTable;

/// Default number of units per teacher, and bounds on the number of teachers.
const UNITS_PER_TEACHER: f64 = 200.0;
const MAX_TEACHERS: f64 = 250.0;
const MIN_TEACHERS: f64 = 5.0;
/// Approximate number of multiplications of a call.
const CALL_COST: usize = 500_000_000;
/// Steps of the student in each round, each on at most this many of the votes so far.
const STUDENT_STEPS: u32 = 5;
const STUDENT_ROWS: usize = 512;

/// A network that distinguishes real rows from fakes, with its optimiser.
struct Judge {
    net: Mlp,
    adam: Adam,
    random: Normals,
}

impl Judge {
    fn new(shape: Architecture, learning_rate: f64, mut random: Normals) -> Result<Self> {
        let net = Mlp::new(shape, false, &mut random)?;
        let adam = Adam::new(net.parameters.len(), learning_rate, BETAS);
        Ok(Self { net, adam, random })
    }

    /// Its score of each row `[n, width]`: positive if it classifies the row as real.
    fn judge(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let width = self.net.architecture.inputs;
        let rows = matrix(rows.to_vec(), rows.len() / width, width);
        values(mlp(&self.net.architecture, &of_mlp(&self.net), rows))
    }

    /// One step on rows `[n, width]`, each with its target probability of being real: cross-entropy.
    fn step(&mut self, rows: Vec<f32>, chances: Vec<f32>) -> Result<()> {
        let (width, n) = (self.net.architecture.inputs, chances.len());
        let leaves = leaves(&of_mlp(&self.net));
        let logits = mlp(&self.net.architecture, &leaves, constant(rows, n, width));
        let likelihood = log_sigmoid(logits.clone().neg()) + logits * constant(chances, n, 1);
        let gradient = gradient(likelihood.mean().neg(), &leaves)?;
        self.adam.step(&mut self.net.parameters, &gradient);
        Ok(())
    }
}

/// A teacher and the examples of its part.
struct Teacher {
    judge: Judge,
    part: Vec<u32>,
}

/// The part of a training that sees the table.
struct Class {
    table: UnitTable,
    layout: Layout,
    teachers: Vec<Teacher>,
}

impl Class {
    /// One step of some teachers, with half real rows from their parts and half fakes.
    fn step(&mut self, which: std::ops::Range<usize>, rows: usize, fakes: &[f32]) -> Result<()> {
        let (table, layout) = (&self.table, &self.layout);
        self.teachers[which].par_iter_mut().try_for_each(|teacher| {
            let width = layout.width;
            let (mut inputs, mut chances) = (Vec::with_capacity(2 * rows * width), Vec::with_capacity(2 * rows));
            let (mut clean, mut entries) = (Clean::default(), vec![0.0; width]);
            let random = &mut teacher.judge.random;
            for _ in 0..rows {
                if let Some(example) = teacher.part.get(random.below(teacher.part.len())) {
                    let row = row_of(table.units.as_ref(), *example as usize, random);
                    layout.encode(&table.table, row, random, &mut clean);
                    layout.write(&clean, &mut entries);
                    inputs.extend_from_slice(&entries);
                    chances.push(1.0);
                }
                let fake = random.below(fakes.len() / width);
                inputs.extend_from_slice(&fakes[fake * width..(fake + 1) * width]);
                chances.push(0.0);
            }
            teacher.judge.step(inputs, chances)
        })
    }

    /// How many teachers classify each fake as real. Private.
    fn votes(&self, fakes: &[f32]) -> Result<Vec<u64>> {
        let all: Result<Vec<Vec<f32>>> = self.teachers.par_iter().map(|teacher| teacher.judge.judge(fakes)).collect();
        let mut votes = vec![0; fakes.len() / self.layout.width];
        for opinions in all? {
            votes.iter_mut().zip(opinions).for_each(|(votes, opinion)| *votes += u64::from(opinion > 0.0));
        }
        Ok(votes)
    }
}

/// Rows in the form of the table's rows `[n, width]`, sampled from numbers and state probabilities `[n, width]`. With
/// probabilities, fakes would be trivial to distinguish from real rows.
fn drawn(layout: &Layout, chances: &[f32], random: &mut Normals) -> Vec<f32> {
    let mut rows = vec![0.0; chances.len()];
    for (chances, row) in chances.chunks_exact(layout.width).zip(rows.chunks_exact_mut(layout.width)) {
        layout.write(&layout.choose(chances, random), row);
    }
    rows
}

/// The next part of a round.
enum PateTurn {
    /// Step `.0` of the teachers from number `.1` on.
    Teachers(u32, usize),
    /// The votes on the rows of this round from number `.0` on.
    Votes(usize),
    Student(u32),
    Generator(u32),
}

/// A PATE-GAN in training. The table and the teachers are private; everything else is public or charged.
pub struct PateGan {
    class: Class,
    options: BaselineOptions,
    generator: Generator<Blocks>,
    student: Judge,
    /// Rows that were voted on, and the noisy share of teachers that classified each as real.
    asked: Vec<f32>,
    opinions: Vec<f32>,
    /// Number of fakes for the teachers in a round.
    fakes: Vec<f32>,
    noise_multiplier: f64,
    turn: PateTurn,
    meter: Meter,
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &BaselineOptions, columns: usize) -> u64 {
    let width = widest(columns);
    let teacher = teacher_shape(options, width).parameters().unwrap_or(usize::MAX / (1 << 24)) as u64 * 4 * 3;
    let teachers = if options.teachers > 0 { u64::from(options.teachers) } else { MAX_TEACHERS as u64 };
    let asked = u64::from(options.rounds) * u64::from(options.queries) * 4 * width as u64;
    let batches = 2 * options.batch_size as u64 * width as u64 * 4 * 8 * rayon::current_num_threads() as u64;
    teachers * teacher
        + asked
        + batches
        + memory(&critic::shape(options, width))
        + memory(&generator::shape(options, width))
        + membership(columns)
}

fn teacher_shape(options: &BaselineOptions, width: usize) -> Architecture {
    let hidden = options.teacher_hidden.iter().map(|width| *width as usize).collect();
    Architecture { inputs: width, hidden, outputs: 1, concatenate: false }
}

/// Number of rows that teachers vote on. Each takes one draw of noise.
pub fn queries(options: &BaselineOptions) -> u64 {
    u64::from(options.rounds) * u64::from(options.queries)
}

/// The name of its stage in the ledger.
const VOTES: &str = "votes";

fn stage(noise_multiplier: f64, options: &BaselineOptions) -> Stage {
    Stage { name: VOTES.to_owned(), mechanism: Mechanism::Gaussian { noise_multiplier }, times: queries(options) }
}

fn calibrate(budget: &TrainingBudget, options: &BaselineOptions) -> Result<f64> {
    let family = |noise_multiplier| {
        let stage = stage(noise_multiplier, options);
        vec![(stage.mechanism, stage.times)]
    };
    accountant::calibrate(&budget.prior, budget.epsilon, budget.delta, family)
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(budget: &TrainingBudget, options: &BaselineOptions) -> Result<Vec<Stage>> {
    Ok(vec![stage(calibrate(budget, options)?, options)])
}

impl PateGan {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(input: TrainingInput, options: BaselineOptions) -> Result<Self> {
        let (table, domains, noisy_units, budget, mut meter) = input.split();
        let noise_multiplier = calibrate(&budget, &options)?;
        let layout = layout(&domains, &options);
        let by_rule = (noisy_units / UNITS_PER_TEACHER).clamp(MIN_TEACHERS, MAX_TEACHERS);
        let count = if options.teachers > 0 { options.teachers as usize } else { by_rule as usize };
        let mut parts = vec![Vec::new(); count];
        let mut lots = meter.for_stage(VOTES)?;
        let lots = lots.rng();
        for example in 0..table.examples() {
            parts[lots.random_range(0..count)].push(example as u32);
        }
        let teacher = |part| {
            let shape = teacher_shape(&options, layout.width);
            Ok(Teacher { judge: Judge::new(shape, options.learning_rate, Normals::secret(meter.rng()))?, part })
        };
        let teachers = parts.into_iter().map(teacher).collect::<Result<Vec<_>>>()?;
        let generator = Generator::new(&options, layout.width, Blocks::new(&layout), Normals::secret(meter.rng()))?;
        let shape = critic::shape(&options, layout.width);
        let student = Judge::new(shape, options.learning_rate, Normals::secret(meter.rng()))?;
        Ok(Self {
            class: Class { table, layout, teachers },
            options,
            generator,
            student,
            asked: Vec::new(),
            opinions: Vec::new(),
            fakes: Vec::new(),
            noise_multiplier,
            turn: PateTurn::Teachers(0, 0),
            meter: meter.for_stage(VOTES)?,
        })
    }

    /// Steps of some teachers.
    fn teach(&mut self, step: u32, first: usize) -> Result<PateTurn> {
        let rows = self.options.batch_size as usize;
        if step == 0 && first == 0 {
            let chances = self.generator.fakes(4 * rows)?;
            self.fakes = drawn(&self.class.layout, &chances, &mut self.student.random);
        }
        let teachers = &self.class.teachers;
        let cost = teachers.first().map_or(1, |teacher| 6 * rows * teacher.judge.net.parameters.len());
        let end = (first + (CALL_COST / cost.max(1)).max(1)).min(teachers.len());
        self.class.step(first..end, rows, &self.fakes)?;
        Ok(match (end < self.class.teachers.len(), step + 1 < self.options.teacher_steps) {
            (true, _) => PateTurn::Teachers(step, end),
            (false, true) => PateTurn::Teachers(step + 1, 0),
            (false, false) => PateTurn::Votes(0),
        })
    }

    /// Lets the teachers vote on some new rows, after `asked` others, and stores the noisy result.
    fn ask(&mut self, asked: usize) -> Result<PateTurn> {
        let wanted = self.options.queries as usize - asked;
        let teachers = &self.class.teachers;
        let cost = teachers.first().map_or(1, |teacher| teachers.len() * teacher.judge.net.parameters.len());
        let (layout, random) = (&self.class.layout, &mut self.student.random);
        let mut chances = self.generator.fakes(wanted.min((CALL_COST / cost.max(1)).max(1)))?;
        // A student that sees only fakes learns only that all are fake. So every second row has the released shares.
        let rows = chances.chunks_exact_mut(layout.width).enumerate();
        rows.filter(|(i, _)| (asked + i) % 2 == 1).for_each(|(_, row)| layout.write_shares(random, row));
        let rows = drawn(layout, &chances, random);
        let votes = self.class.votes(&rows)?;
        let done = votes.len();
        // One unit changes each count by 1. Each count is one mechanism.
        for votes in votes {
            let noisy = noisy_counts(&[votes], 1.0, self.noise_multiplier, &mut self.meter)?;
            self.opinions.push((noisy.values[0] / self.class.teachers.len() as f64).clamp(0.0, 1.0) as f32);
        }
        self.asked.extend(rows);
        Ok(if done < wanted { PateTurn::Votes(asked + done) } else { PateTurn::Student(0) })
    }

    /// A step of the student on the votes.
    fn study(&mut self) -> Result<()> {
        let (width, count) = (self.class.layout.width, self.opinions.len());
        let rows = count.min(STUDENT_ROWS);
        let (mut inputs, mut chances) = (Vec::with_capacity(rows * width), Vec::with_capacity(rows));
        for _ in 0..rows {
            let place = self.student.random.below(count);
            inputs.extend_from_slice(&self.asked[place * width..(place + 1) * width]);
            chances.push(self.opinions[place]);
        }
        self.student.step(inputs, chances)
    }

    /// A step of the generator towards rows that the student classifies as real.
    fn generate(&mut self) -> Result<()> {
        let student: Vec<Tensor<2>> = of_mlp(&self.student.net).into_iter().map(|tensor| tensor.autodiff()).collect();
        let shape = &self.student.net.architecture;
        let cost = self.student.net.parameters.len();
        self.generator.step(cost, |rows| log_sigmoid(mlp(shape, &student, rows)).mean().neg())
    }
}

impl Learner for PateGan {
    fn steps(&self) -> u64 {
        self.options.rounds.into()
    }

    fn work(&mut self, _: u64) -> Result<bool> {
        self.turn = match self.turn {
            PateTurn::Teachers(step, first) => self.teach(step, first)?,
            PateTurn::Votes(asked) => self.ask(asked)?,
            PateTurn::Student(step) if step < STUDENT_STEPS => {
                self.study()?;
                PateTurn::Student(step + 1)
            }
            PateTurn::Student(_) => PateTurn::Generator(0),
            PateTurn::Generator(step) if step < self.options.generator_steps => {
                self.generate()?;
                PateTurn::Generator(step + 1)
            }
            PateTurn::Generator(_) => {
                self.turn = PateTurn::Teachers(0, 0);
                return Ok(true);
            }
        };
        Ok(false)
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![stage(self.noise_multiplier, &self.options)]
    }

    fn noise_draws(&self) -> u64 {
        queries(&self.options)
    }

    fn finish(self) -> Result<Box<dyn Synthesizer>> {
        let parameters = vec![self.generator.average()];
        Ok(Box::new(BaselineModel::<GeneratorRows>::new(self.options, self.class.layout, parameters)?))
    }
}
