//! The ten rules, one file each, in the order in which they are asked.

pub(super) mod scope;
pub(super) mod suspension;
pub(super) mod role;
pub(super) mod network;
pub(super) mod enrolment;
pub(super) mod agreement;
pub(super) mod relationship;
pub(super) mod consent;
pub(super) mod registration;
pub(super) mod sharer;
pub(super) mod opt_out;
