//! The cases, in the order in which they run.

mod bad_disk;
mod broker_crash;
mod clocks;
mod copy;
mod corrupt_store;
mod full_disk;
mod hanging_transaction;
mod killed_after_commit;
mod killed_in_mid_transaction;
mod large_records;
mod late_end;
mod leaders_move;
mod lost_answer;
mod lost_input;
mod merges;
mod more_partitions;
mod network;
mod poison;
mod rebalance_storm;
mod registry;
mod same_name;
mod scarcity;
mod shapes;
mod slow_poll;
mod stale_store;
mod term_in_restore;
mod zombie;

use crate::case::Case;

/// Every case.
pub(crate) const ALL: &[&Case] = &[
    &killed_in_mid_transaction::CASE,
    &killed_after_commit::CASE,
    &lost_answer::CASE,
    &late_end::CAPTURE,
    &late_end::STITCH,
    &zombie::CASE,
    &slow_poll::CASE,
    &broker_crash::CASE,
    &rebalance_storm::SHORT,
    &rebalance_storm::LONG,
    &leaders_move::CASE,
    &more_partitions::PARTITIONED,
    &more_partitions::SETTINGS,
    &network::CUT,
    &network::SLOW,
    &full_disk::STATE,
    &full_disk::BROKER,
    &bad_disk::CASE,
    &corrupt_store::CASE,
    &stale_store::OLDER,
    &stale_store::FOREIGN,
    &stale_store::BEFORE_TOMBSTONES,
    &lost_input::TRUNCATED,
    &lost_input::RECREATED,
    &hanging_transaction::CASE,
    &poison::CASE,
    &registry::CASE,
    &large_records::IN,
    &large_records::OUT,
    &shapes::CASE,
    &merges::CASE,
    &scarcity::LITTLE,
    &scarcity::LEAKS,
    &clocks::SOURCES,
    &clocks::MACHINE,
    &term_in_restore::CASE,
    &same_name::CASE,
    &copy::CASE,
];
