//! What the fuzz targets share.

pub mod base;
pub mod edits;
pub mod memory;
pub mod written;
