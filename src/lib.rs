//! zadig-doctor: checks, backs up, unsticks and prunes Helm releases.
//!
//! A reader's map, in the order in which data flows:
//!
//! - [`cluster`] reads the Kubernetes API into a [`survey`], the value of all
//!   that was seen; [`helm`] and [`live`] know what records and objects mean.
//! - [`diagnose`] turns a survey into findings; [`plan`] turns findings and an
//!   intent into steps. Both only think.
//! - [`trace`] puts whatever tells who changed a release into one timeline.
//! - [`execute`] carries a plan out: lock, look again, save ([`snapshot`],
//!   [`store`]), write, read back.
//! - [`report`] turns values into text, [`terminal`] shows it, [`error`] is the
//!   one human edge, and [`cli`] wires a verb together.
//!
//! DESIGN.md says what each room is for and what it never does.

pub mod cli;
pub mod cluster;
pub mod diagnose;
pub mod error;
pub mod execute;
pub mod helm;
pub mod live;
pub mod plan;
pub mod report;
pub mod snapshot;
pub mod store;
pub mod survey;
pub mod terminal;
pub mod trace;
pub mod wire;
pub mod zadig;
