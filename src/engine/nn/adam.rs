//! The optimiser: Adam (Kingma and Ba, arXiv 1412.6980), and a moving average of its parameters.

/// Adam over one flat vector of parameters.
#[derive(Debug, Clone)]
pub struct Adam {
    learning_rate: f64,
    betas: (f64, f64),
    steps: i32,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Adam {
    /// For `parameters` numbers, with the decay rates `betas` of the first and second moment.
    pub fn new(parameters: usize, learning_rate: f64, betas: (f64, f64)) -> Self {
        let zeros = vec![0.0; parameters];
        Self { learning_rate, betas, steps: 0, mean: zeros.clone(), square: zeros }
    }

    /// One step along `gradient`. Parameters that are no longer finite restart at 0.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        self.steps = self.steps.saturating_add(1);
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let rate = (self.learning_rate / (1.0 - self.betas.0.powi(self.steps))) as f32;
        let unbias = (1.0 / (1.0 - self.betas.1.powi(self.steps))) as f32;
        let moments = self.mean.iter_mut().zip(self.square.iter_mut());
        for ((w, g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            let next = *w - rate * *m / ((*v * unbias).sqrt() + 1e-8);
            *w = if next.is_finite() { next } else { 0.0 };
        }
    }
}

/// Exponential moving average of parameters, without bias towards its start.
#[derive(Debug, Clone)]
pub struct MovingAverage {
    decay: f64,
    steps: i32,
    sum: Vec<f32>,
}

impl MovingAverage {
    /// `decay` is the weight of the past in each step; 0 keeps only the newest parameters.
    pub fn new(parameters: usize, decay: f64) -> Self {
        Self { decay, steps: 0, sum: vec![0.0; parameters] }
    }

    /// Adds the parameters of a step.
    pub fn push(&mut self, parameters: &[f32]) {
        self.steps = self.steps.saturating_add(1);
        let keep = self.decay as f32;
        for (sum, w) in self.sum.iter_mut().zip(parameters) {
            *sum = keep * *sum + (1.0 - keep) * w;
        }
    }

    /// The average, or `None` before the first push.
    pub fn value(&self) -> Option<Vec<f32>> {
        let weight = 1.0 - self.decay.powi(self.steps);
        (self.steps > 0).then(|| self.sum.iter().map(|x| x / weight as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_has_the_length_of_the_rate() {
        let mut adam = Adam::new(2, 0.005, (0.5, 0.999));
        let mut w = [1.0, 1.0];
        adam.step(&mut w, &[3.0, -0.2]);
        assert!((w[0] - 0.995).abs() < 1e-6 && (w[1] - 1.005).abs() < 1e-6);
    }

    #[test]
    fn minimises_a_square_and_survives_infinity() {
        let mut adam = Adam::new(1, 0.05, (0.5, 0.999));
        let mut w = [4.0f32];
        for _ in 0..1000 {
            let gradient = [2.0 * (w[0] - 1.5)];
            adam.step(&mut w, &gradient);
        }
        assert!((w[0] - 1.5).abs() < 0.01);
        adam.step(&mut w, &[f32::NAN]);
        assert_eq!(w[0], 0.0);
    }

    #[test]
    fn average_of_a_constant_is_the_constant() {
        let mut average = MovingAverage::new(1, 0.9);
        assert!(average.value().is_none());
        for _ in 0..3 {
            average.push(&[2.0]);
        }
        assert!((average.value().unwrap()[0] - 2.0).abs() < 1e-6);
    }
}
