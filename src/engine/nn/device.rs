//! The device of the networks' arrays, and conversions to and from them.

use burn_tensor::{Device, Tensor, TensorData};

use crate::engine::{EngineError, Result};

/// The device of every tensor: burn's flex backend, or burn-ndarray with the cargo feature `ndarray`.
pub fn device() -> Device {
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    return Device::ndarray();
    #[cfg(not(feature = "ndarray"))]
    Device::flex()
}

/// A `[rows, columns]` tensor of row-major values. Reuses the vector's memory.
pub fn matrix(values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

/// The row-major values of a tensor, without a copy if nothing else refers to them.
///
/// # Errors
/// `Internal` if the backend cannot return them.
pub fn values(tensor: Tensor<2>) -> Result<Vec<f32>> {
    tensor.into_data().try_into_vec().map_err(|_| EngineError::Internal("an array could not be taken from the backend"))
}
