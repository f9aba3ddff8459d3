//! What tests need: a small Azure on a loopback port, and a suite for stores of one's own.

mod clock;
mod cloud;
pub mod conformance;

pub use self::{
    clock::ManualClock,
    cloud::{
        Asked, Assignment, CorsRule, Fault, Presented, Refusal, Seed, SignInRefusal, Situation,
        SmallCloud, SmallCloudBuilder, Spread,
    },
};
