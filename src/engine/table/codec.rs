//! Values to codes and back.

mod decode;
mod draw;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::Decoder;
pub use draw::Choice;
pub use encode::{Encoder, Known, cell_of};
