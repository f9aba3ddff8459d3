//! The suite for states: one method for each rule, named after the rule.

mod files;
mod locks;
mod suite;

use self::suite::Suite;
use super::case::Case;
use crate::sync::StateStore;

/// Checks that a store keeps each rule of the contract of [`StateStore`] and
/// [`StateFiles`](crate::sync::StateFiles).
///
/// `open` opens the state with this number. The state is empty the first time. It is opened several
/// times, as by several replicas of a service; each must then see the same state. `lose_lock` makes
/// the present holder of the state with this number lose its lock while the holder goes on: it moves
/// the clock of a store past the end of a lease, or removes the lock file of a folder.
///
/// Blocks, like the traits that it checks: call it in
/// [`spawn_blocking`](tokio::task::spawn_blocking) if the store needs a runtime.
///
/// ```
/// use azure_asset_sync::{sync::StateFolder, testing::conformance::check_state};
///
/// let folder = tempfile::tempdir()?;
/// let path = |number: u32| folder.path().join(number.to_string());
/// let cases = check_state(
///     |number| StateFolder::new(path(number)),
///     |number| std::fs::remove_file(path(number).join("lock")).unwrap(),
/// );
/// # #[cfg(unix)]
/// assert!(cases.iter().all(|case| case.outcome.is_ok()), "{cases:#?}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check_state<S: StateStore>(
    open: impl FnMut(u32) -> S,
    lose_lock: impl FnMut(u32),
) -> Vec<Case> {
    let mut suite = Suite { open, lose_lock, state: 0 };
    let mut cases = Vec::new();
    macro_rules! cases {
        ($($name:ident),+ $(,)?) => {
            $(
                suite.state += 1;
                cases.push(Case::new(stringify!($name), suite.$name()));
            )+
        };
    }
    cases![
        a_new_state_has_no_files,
        appended_bytes_are_read_back_in_any_range,
        many_megabytes_are_read_back,
        a_read_after_the_end_is_an_unexpected_eof,
        a_missing_file_is_not_found,
        a_truncated_file_goes_on_at_its_new_end,
        a_rename_replaces_the_other_file,
        a_removed_file_begins_again,
        files_do_not_affect_each_other,
        synced_files_outlive_their_holder,
        truncated_renamed_and_removed_files_outlive_their_holder,
        many_synced_records_are_one_file,
        a_state_has_one_holder,
        a_released_lock_is_free_at_once,
        a_dropped_lock_is_free_after_it_is_lost,
        a_former_holder_changes_nothing,
        a_former_holder_does_not_free_the_lock,
        a_reader_needs_no_lock,
        a_reader_changes_nothing,
        a_reader_never_mixes_two_files,
        a_renewal_keeps_the_lock,
    ];
    cases
}
