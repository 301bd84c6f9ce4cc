//! stub
use syn::Block;
use super::model::Cached;
pub(super) fn group(model: &Cached) -> Block { (*model.function.block).clone() }
