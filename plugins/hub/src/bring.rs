//! Files of a commit brought into the cache, several at a time, and lent to a step.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use olive_transport::fetch_part;

use crate::HubError;
use crate::cache::{link, make_parent};
use crate::hub::Hub;
use crate::listing::HubFile;
use crate::session::Session;

/// Files that are fetched at a time.
const AT_ONCE: usize = 4;
/// Time between two words about how far it is.
const TURN: Duration = Duration::from_millis(200);
/// Bytes from which on progress is told in a larger unit.
const LARGE: u64 = 20_000_000;

impl Session<'_> {
    /// Brings the files called `names` into the cache, unless they are there.
    ///
    /// # Errors
    /// When the commit does not have one, or it does not arrive as the hub says it is.
    pub(crate) fn bring(&self, names: &[String]) -> Result<(), HubError> {
        let cache = &self.hub.cache;
        let folder = self.folder();
        let missing = names.iter().filter(|name| !folder.join(name).exists());
        let mut files = Vec::new();
        for name in missing {
            let Some(listing) = &self.listing else {
                return Err(self.missing(format!("`{name}` is not there")));
            };
            let file = listing.file(name).ok_or_else(|| HubError::NoFile {
                id: self.hub.repository.id.clone(),
                name: name.clone(),
                commit: self.commit.clone(),
            })?;
            // Another commit, or another name, may have brought the same content.
            if cache.blob(&file.etag).exists() {
                cache.point(&self.commit, name, &file.etag)?;
            } else if self.hub.environment.is_offline {
                return Err(self.missing(format!("`{name}` is not there")));
            } else {
                files.push(file);
            }
        }
        if files.is_empty() { Ok(()) } else { Transfer::new(&self.hub, &self.commit, files).run() }
    }

    /// Links to the files called `names` below `folder`, under the names that `lent` gives them.
    ///
    /// # Errors
    /// When a link cannot be made.
    pub(crate) fn lend(
        &self,
        names: &[String],
        folder: &Path,
        lent: impl Fn(usize, &str) -> PathBuf,
    ) -> Result<(), HubError> {
        for (number, name) in names.iter().enumerate() {
            let path = folder.join(lent(number, name));
            make_parent(&path)?;
            let file = self.folder().join(name);
            link(&file, &file, &path).map_err(HubError::io("link", &path))?;
        }
        Ok(())
    }
}

/// Files that arrive, several at a time.
struct Transfer<'a> {
    hub: &'a Hub<'a>,
    commit: &'a str,
    files: Vec<&'a HubFile>,
    /// Bytes of each that have arrived.
    arrived: Vec<AtomicU64>,
    /// Bytes of all that had arrived before, or that another program has brought.
    found: AtomicU64,
    next: AtomicUsize,
    /// Whether one has failed, which ends the others.
    has_failed: AtomicBool,
    told: Mutex<Instant>,
    start: Instant,
}

impl<'a> Transfer<'a> {
    fn new(hub: &'a Hub<'a>, commit: &'a str, mut files: Vec<&'a HubFile>) -> Self {
        // The largest first, so that none of them is left alone at the end.
        files.sort_by(|one, other| (other.size, &one.name).cmp(&(one.size, &other.name)));
        let arrived = files.iter().map(|_| AtomicU64::new(0)).collect();
        let (found, next) = (AtomicU64::new(0), AtomicUsize::new(0));
        let (has_failed, start) = (AtomicBool::new(false), Instant::now());
        let told = Mutex::new(start);
        Self { hub, commit, files, arrived, found, next, has_failed, told, start }
    }

    fn run(&self) -> Result<(), HubError> {
        let work = || -> Result<(), HubError> {
            loop {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = self.files.get(number) else { return Ok(()) };
                if let Err(error) = self.fetch(number, file) {
                    // What ends because of another's failure is not the reason.
                    let is_first = !self.has_failed.swap(true, Ordering::Relaxed);
                    return if is_first { Err(error) } else { Ok(()) };
                }
            }
        };
        let results: Vec<_> = thread::scope(|scope| {
            let count = AT_ONCE.min(self.files.len());
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(ScopedJoinHandle::join).collect()
        });
        self.tell(true);
        results.into_iter().try_for_each(|result| match result {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    fn fetch(&self, number: usize, file: &HubFile) -> Result<(), HubError> {
        let (hub, cache) = (self.hub, &self.hub.cache);
        let is_over = || self.has_failed.load(Ordering::Relaxed) || hub.ctx.is_cancelled();
        let blob = cache.blob(&file.etag);
        let _lock = cache.lock(&file.etag, &is_over)?;
        if blob.exists() {
            // Another program has brought it while this one waited.
            self.found.fetch_add(file.size, Ordering::Relaxed);
        } else {
            let is_begun = Cell::new(false);
            let on_progress = |done, _| {
                if !is_begun.replace(true) {
                    self.found.fetch_add(done, Ordering::Relaxed);
                }
                self.arrived[number].store(done, Ordering::Relaxed);
                self.tell(false);
            };
            let repository = hub.repository;
            let url = repository.file(&hub.environment.endpoint, self.commit, &file.name);
            let request = hub.request(file.size, file.sha256.as_deref(), &on_progress, &is_over);
            let partial = cache.incomplete(&file.etag);
            let fetched = fetch_part(&url, file.size, &partial, &blob, &request);
            fetched.map_err(|error| hub.refused(error, Some((file.name.as_str(), self.commit))))?;
        }
        self.arrived[number].store(file.size, Ordering::Relaxed);
        cache.point(self.commit, &file.name, &file.etag)
    }

    /// Tells how far it is, now and then.
    fn tell(&self, is_end: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() < TURN && !is_end {
            return;
        }
        *told = Instant::now();
        let total: u64 = self.files.iter().map(|file| file.size).sum();
        let done: u64 = self.arrived.iter().map(|arrived| arrived.load(Ordering::Relaxed)).sum();
        let new = done.saturating_sub(self.found.load(Ordering::Relaxed));
        let rate = new as f64 / self.start.elapsed().as_secs_f64().max(1e-3);
        let (unit, bytes) = if total < LARGE { ("kB", 1_000) } else { ("MB", 1_000_000) };
        let figures = [("bytes_per_second", rate)];
        self.hub.ctx.progress(unit, done / bytes, total.div_ceil(bytes), &figures);
    }
}
