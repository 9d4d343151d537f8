//! Whole clusters in one thread, on simulated disks; messages are carried by hand.

mod cluster;
mod membership;
mod reads;
mod snapshots;
mod writes;
