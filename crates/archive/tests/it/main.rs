//! The archive, from outside: what is put comes back, whatever happens in between.

mod basics;
mod crash;
mod damage;
mod failures;
mod support;
mod world;
