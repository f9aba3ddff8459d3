//! Decides which page to request next, and what a page means. Nothing here does I/O or reads a clock.
//!
//! The service returns each page only after the one before, so a listing is fast only if it is divided
//! into ranges of names that are listed side by side. Where to divide is a guess. That nothing is lost
//! or handed out twice is proven:
//!
//! - Ranges are made by splitting one in two, after the names that it has received. What a page has
//!   after the end of its range is left to the next range.
//! - A range ends with the first name after it. The next range must begin with that very name.
//!   Otherwise the store has not started at the requested name, and the names between are listed again.
//! - A store that ignores `start_from` shows that by a name before the start. If it lists by path
//!   segments, its folders are then listed by prefix; otherwise one page follows the other.
//! - Names show in which order the store lists them, whatever its pages state.
//!
//! Vocabulary: a *range* is listed by one request after the other. A *split* divides a range at a guessed
//! name, a *division* at the prefixes of folders. A *mark* is a name at which a range can be split. A *look*
//! requests a single name, and a *level* the contents of one folder. A range is *joined* once nothing can
//! lie between it and the next one.
//!
//! | responsibility | files |
//! | --- | --- |
//! | the loop: next request, meaning of an answer | [`planner`] |
//! | ranges, and the proof that they leave no gap | [`partition`], [`range`], [`gap_check`] |
//! | names at which ranges can be split | [`discovery`], [`folders`], [`look`], [`keyspace`], [`split`] |
//! | the order of names | [`order_state`], [`order_proof`] |
//! | requests under way, pages for the consumer | [`requests`], [`outbox`], [`batch`], [`handed`] |

mod batch;
mod cycle;
mod discovery;
mod fault;
mod folders;
mod gap_check;
mod handed;
mod keyspace;
mod look;
mod order_proof;
mod order_state;
mod outbox;
mod partition;
mod planner;
mod range;
mod requests;
mod settings;
mod split;
mod start_from;

pub(crate) use self::batch::Coverage;
pub(super) use self::{batch::Batch, planner::Planner, requests::Ticket, settings::Settings};
