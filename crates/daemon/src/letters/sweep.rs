//! Letters that nobody may keep go. In: the erasures of a deployment, its dead letters, and the settings of its sources. Out: a
//! tombstone for each letter that names somebody who was erased, or whose source lets it be kept for no longer, and how many records
//! of each source there were; never a value.
//!
//! A tombstone stands for itself: written twice, or by two processes at once, it says the same, and one that is missing is written
//! the next time. So no transaction is needed, and nothing has to be settled after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_kafka::client::send;
use kinfold_kafka::reader::{Isolation, Reader, ends};
use kinfold_kafka::{Settings, WorkerError};
use kinfold_letters::{Before, Erased, Finder, Judged, Leaving, Look, Reading, Reason, Terms};
use kinfold_mapping::sources::ByName;
use kinfold_model::{Keys, Timestamp};
use kinfold_wire::{Topic, WireError};

use super::shelf::{LettersError, Shelf, tombstone};
use crate::config::Config;

/// So many letters are removed before the topic is read anew. What is held of each has a few hundred bytes.
const FOUND_MAX: usize = 100_000;
/// So many of their letters are held at once, each with as much. More than are found, so that only records of many parts are sent
/// off while the topic is still read: what is dealt with further on would else be removed once more.
const LEAVING_MAX: usize = 2 * FOUND_MAX;

/// What becomes of the letters that are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are removed.
    Remove,
    /// They are only counted.
    DryRun,
}

/// What is asked of a sweep.
pub struct Call<'c> {
    /// Those that can be used. A source with faults is not among them: its letters are read as text, and no time of its own holds.
    pub sources: Arc<ByName>,
    /// By whose time letters are too old.
    pub now: Timestamp,
    /// Whether letters are removed.
    pub mode: Mode,
    /// Whether it has become pointless; it then ends soon.
    pub is_stopped: &'c dyn Fn() -> bool,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Identifiers that were ever erased.
    pub erased: usize,
    /// Letters on the topic, those that are dealt with and not yet gone among them.
    pub letters: u64,
    /// Records of the topic that hold something, and are no letter that can be read: whom they name nobody knows.
    pub unreadable: u64,
    /// Records whose letters go, by reason, and by source, or by topic where no source wrote.
    pub counts: BTreeMap<Reason, BTreeMap<String, u64>>,
}

impl Swept {
    /// The counts of a reason, as in `2 of till, 1 of webshop`; `none` where there are none.
    #[must_use]
    pub fn list(&self, reason: Reason) -> String {
        let by_source = self.counts.get(&reason).into_iter().flatten();
        let list: Vec<String> = by_source.map(|(source, count)| format!("{count} of {source}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }
}

/// Sweeps the dead letters of a deployment, and remembers from one time to the next what need not be looked at again.
pub struct Sweeper {
    config: Config,
    keys: Keys,
    last: Option<Last>,
}

/// Where everything was at the last sweep.
struct Last {
    sources: Arc<ByName>,
    ends: Ends,
    /// As far as `ends` at least.
    erased: Erased,
    /// By whose time letters were too old.
    now: Timestamp,
    judged: Judged,
    next_end: Option<Timestamp>,
    swept: Swept,
}

/// The offsets after the last committed records.
#[derive(PartialEq, Eq)]
struct Ends {
    erasures: Offsets,
    letters: Offsets,
}

/// By partition.
type Offsets = BTreeMap<i32, i64>;

impl Sweeper {
    /// Of this deployment.
    #[must_use]
    pub fn new(config: &Config, keys: &Keys) -> Self {
        Self { config: config.clone(), keys: keys.clone(), last: None }
    }

    /// Whether anybody was erased since the last sweep who had not been before; also when there was none. Only what `erasure` has
    /// grown by is read: restrictions, and new sightings of somebody who was erased, come all the time and change nothing.
    ///
    /// # Errors
    /// When Kafka does not answer; [`LettersError::Stopped`].
    pub fn has_news(&mut self, settings: &Settings, call: &Call<'_>) -> Result<bool, LettersError> {
        let Some(last) = &mut self.last else { return Ok(true) };
        let ends = committed(settings, Topic::Erasure)?;
        if !reaches(&ends, &last.ends.erasures) {
            return Ok(true);
        }
        let mut is_news = false;
        rulings(settings, (&last.ends.erasures, &ends), call, &mut |value| {
            is_news |= last.erased.is_news(value)?;
            Ok(())
        })?;
        if !is_news {
            last.ends.erasures = ends;
        }
        Ok(is_news)
    }

    /// Looks through the dead letters, and removes those that are to go, if it may. Where nothing has changed since the last time, and
    /// no letter's time is over, nothing is read.
    ///
    /// # Errors
    /// When Kafka does not answer, or a topic is missing; [`LettersError::Stopped`]. What was removed until then stays so.
    pub fn sweep(&mut self, call: &Call<'_>) -> Result<Swept, LettersError> {
        let shelf = Shelf::open(&self.config)?;
        shelf.has(Topic::Erasure)?;
        // Before anything is read: what comes meanwhile is looked at the next time, too.
        let ends = Ends {
            erasures: committed(&shelf.settings, Topic::Erasure)?,
            letters: committed(&shelf.settings, Topic::TouchpointRefused)?,
        };
        // After a failure nobody knows what was removed, and all is looked at anew.
        let mut last = self.last.take().filter(|last| last.is_of(&ends, &call.sources));
        let (mut erased, read) = match &mut last {
            Some(last) => (std::mem::take(&mut last.erased), last.ends.erasures.clone()),
            None => (Erased::default(), Offsets::new()),
        };
        let mut has_new = false;
        rulings(&shelf.settings, (&read, &ends.erasures), call, &mut |value| {
            has_new |= erased.take(value)?;
            Ok(())
        })?;
        let before = match last {
            Some(last) if !has_new && last.holds(&ends, call.now) => {
                let swept = Swept { counts: BTreeMap::new(), ..last.swept.clone() };
                self.last = Some(Last { ends, erased, ..last });
                return Ok(swept);
            }
            Some(Last { judged, now, .. }) => Before { judged, now, is_searched: !has_new },
            None => Before::default(),
        };
        let mut swept = Swept { erased: erased.marks().len(), ..Swept::default() };
        let reading = Reading { keys: &self.keys, rules: &self.config.rules, settings: &self.config.capture };
        let finder = Finder::new(&reading, erased.marks().clone(), Arc::clone(&call.sources));
        let kept_ms = self.config.topics.refused_retention_ms;
        let mut look = Look::new(finder, Terms { now: call.now, kept_ms, most: FOUND_MAX }, before);
        while turn(&shelf, call, &mut look, &mut swept)? {}
        let looked = look.end();
        (swept.letters, swept.unreadable) = (looked.letters, looked.unreadable);
        if call.mode == Mode::Remove {
            let (judged, next_end) = (looked.judged, looked.next_end);
            let (sources, swept, now) = (Arc::clone(&call.sources), swept.clone(), call.now);
            self.last = Some(Last { sources, ends, erased, now, judged, next_end, swept });
        }
        Ok(swept)
    }
}

impl Last {
    /// Whether what was found then still means something: the formats and times of sources are the same, and so is the topic.
    fn is_of(&self, ends: &Ends, sources: &Arc<ByName>) -> bool {
        Arc::ptr_eq(&self.sources, sources)
            && reaches(&ends.letters, &self.judged)
            && reaches(&ends.erasures, &self.ends.erasures)
    }

    /// Whether there is nothing to be done, if nobody else was erased.
    fn holds(&self, ends: &Ends, now: Timestamp) -> bool {
        self.ends.letters == ends.letters && self.next_end.is_none_or(|end| now < end)
    }
}

/// Whether a topic is as long as it was.
fn reaches(ends: &Offsets, before: &Offsets) -> bool {
    before.iter().all(|(partition, before)| ends.get(partition).is_some_and(|end| end >= before))
}

/// Why reading ends before the end.
enum Pause {
    Full,
    Error(LettersError),
}

impl From<WorkerError> for Pause {
    fn from(error: WorkerError) -> Self {
        Self::Error(error.into())
    }
}

/// Removes what one look finds; whether there is more.
fn turn(shelf: &Shelf, call: &Call<'_>, look: &mut Look, swept: &mut Swept) -> Result<bool, LettersError> {
    let read = shelf.each(&mut |record| {
        call.goes_on().map_err(Pause::Error)?;
        if look.see(&record, shelf.ids()) { Ok(()) } else { Err(Pause::Full) }
    });
    if let Err(Pause::Error(error)) = read {
        return Err(error);
    }
    let found = look.found();
    if found.records.is_empty() {
        return Ok(found.is_full);
    }
    let mut leaving = Leaving::new(found.records, LEAVING_MAX);
    shelf.each(&mut |record| {
        call.goes_on()?;
        if leaving.take(&record, shelf.ids()) { Ok(()) } else { send_off(shelf, call, &mut leaving) }
    })?;
    send_off(shelf, call, &mut leaving)?;
    for (reason, by_source) in leaving.counts() {
        let sums = swept.counts.entry(reason).or_default();
        by_source.into_iter().for_each(|(source, count)| *sums.entry(source).or_default() += count);
    }
    Ok(found.is_full)
}

/// Removes the letters that are held, if it may.
fn send_off(shelf: &Shelf, call: &Call<'_>, leaving: &mut Leaving) -> Result<(), LettersError> {
    if call.mode == Mode::Remove {
        let tombstones = leaving.letters().map(|(key, place, trace)| tombstone(key, trace, place));
        send(&shelf.settings, tombstones)?;
    }
    leaving.gone();
    Ok(())
}

impl Call<'_> {
    fn goes_on(&self) -> Result<(), LettersError> {
        if (self.is_stopped)() { Err(LettersError::Stopped) } else { Ok(()) }
    }
}

/// Hands over what lies on `erasure` between these offsets, and what has come since.
fn rulings(
    settings: &Settings,
    (from, to): (&Offsets, &Offsets),
    call: &Call<'_>,
    see: &mut dyn FnMut(&[u8]) -> Result<(), WireError>,
) -> Result<(), LettersError> {
    if from == to {
        return Ok(());
    }
    let reader = Reader::from_offsets(settings, Topic::Erasure.as_str(), Isolation::Committed, from)?;
    reader.each(&mut |record| {
        call.goes_on()?;
        if let Some(value) = &record.value {
            see(value)?;
        }
        Ok::<(), LettersError>(())
    })
}

/// How far a topic can be read.
fn committed(settings: &Settings, topic: Topic) -> Result<Offsets, LettersError> {
    let ends = ends(settings, topic.as_str())?;
    Ok(ends.into_iter().map(|(partition, ends)| (partition, ends.last_stable)).collect())
}
