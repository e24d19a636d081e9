//! Bytes carried by MPI, from point to point.
//!
//! Not by `MPI_Allreduce`: in which order it adds, and whether all ranks get the same bits, is the
//! library's affair.

#![expect(unsafe_code, reason = "the interface of MPI is one of C")]

use std::env;
use std::ffi::c_int;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use mpi_sys as ffi;

use crate::carrier::{Carrier, Parcel};
use crate::rendezvous::Place;

/// Most bytes of a message: MPI counts them in 31 bits.
const MESSAGE_BYTES: usize = 1 << 30;
/// What messages of ours are called.
const TAG: c_int = 7;
/// How long a message is waited for without rest; what is on its way needs calls to get on.
const BUSY: Duration = Duration::from_millis(20);
/// The rest between two looks later on.
const REST: Duration = Duration::from_micros(100);

/// What a launcher that MPI knows has set in the environment.
const LAUNCHED: [&str; 3] = ["PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"];

/// This process among those that MPI has connected.
///
/// All methods are called by one thread, as MPI is asked for.
pub(crate) struct Mpi {
    previous: c_int,
    next: c_int,
}

impl Mpi {
    /// Starts MPI in this process, which is to be the rank `place`.
    pub(crate) fn connect(place: Place) -> Result<Self, String> {
        find_what_ends_it()?;
        start()?;
        let (mut rank, mut ranks) = (0, 0);
        // SAFETY: MPI is started, and both numbers outlive the calls.
        unsafe {
            let world = ffi::RSMPI_COMM_WORLD;
            // What is not returned ends the process.
            check(ffi::MPI_Comm_set_errhandler(world, ffi::RSMPI_ERRORS_RETURN))?;
            check(ffi::MPI_Comm_rank(world, &raw mut rank))?;
            check(ffi::MPI_Comm_size(world, &raw mut ranks))?;
        }
        let number = |number: usize| c_int::try_from(number).unwrap_or(c_int::MAX);
        if (rank, ranks) != (number(place.rank), number(place.ranks)) {
            return Err(format!(
                "this process is rank {rank} of {ranks}, and rank {} of {} for its system; both \
                 must be told by one launcher",
                place.rank, place.ranks
            ));
        }
        Ok(Self { previous: number(place.previous()), next: number(place.next()) })
    }
}

impl Carrier for Mpi {
    fn exchange(
        &mut self,
        mut parcel: Parcel,
        is_whole: &dyn Fn() -> bool,
    ) -> Result<Parcel, String> {
        let Parcel { send, receive } = &mut parcel;
        let sent = send.chunks(MESSAGE_BYTES);
        let received = receive.chunks_mut(MESSAGE_BYTES);
        let mut messages = Vec::new();
        let posted = received
            .map(|bytes| receive_from(self.previous, bytes))
            .chain(sent.map(|bytes| send_to(self.next, bytes)))
            .try_for_each(|message| message.map(|message| messages.push(message)));
        let done = posted.and_then(|()| wait(&mut messages, is_whole));
        match done {
            Ok(()) => Ok(parcel),
            Err(message) => {
                // MPI may still read and write there.
                std::mem::forget(parcel);
                Err(message)
            }
        }
    }

    fn end(self: Box<Self>) -> Result<(), String> {
        // SAFETY: the thread that started MPI calls this once, and no message is on its way.
        check(unsafe { ffi::MPI_Finalize() })
    }
}

/// What MPI would end the process for, without a word of ours.
fn find_what_ends_it() -> Result<(), String> {
    let has = |name: &str| env::var_os(name).is_some();
    if has("SLURM_PROCID") && !LAUNCHED.into_iter().any(has) {
        return Err(
            "`srun` has started ranks without it; `export SLURM_MPI_TYPE=pmix` in `setup` \
                    has it start them with, and `srun --mpi=list` tells the words"
                .to_owned(),
        );
    }
    let folder = env::temp_dir();
    tempfile::tempfile_in(&folder).map(drop).map_err(|error| {
        format!(
            "it keeps files in `{}`, where this process cannot write ({error}); workers may write \
             there after `export OLIVE_CONFINE=off` in `setup`",
            folder.display()
        )
    })
}

/// Starts MPI for calls of this thread alone.
fn start() -> Result<(), String> {
    let (mut is_started, mut threads) = (0, 0);
    // SAFETY: both numbers outlive the calls; the arguments of the program are not needed.
    unsafe {
        check(ffi::MPI_Initialized(&raw mut is_started))?;
        if is_started != 0 {
            return Err("another part of this process has started it already".to_owned());
        }
        let (none, no_arguments) = (ptr::null_mut(), ptr::null_mut());
        let wanted = ffi::RSMPI_THREAD_FUNNELED;
        check(ffi::MPI_Init_thread(none, no_arguments, wanted, &raw mut threads))?;
        if threads < wanted {
            return Err("it was built for processes of one thread".to_owned());
        }
    }
    Ok(())
}

/// Begins to send `bytes`, which [`Mpi::exchange`] keeps until the message is done.
fn send_to(rank: c_int, bytes: &[u8]) -> Result<ffi::MPI_Request, String> {
    let len = c_int::try_from(bytes.len()).map_err(|error| error.to_string())?;
    // SAFETY: the bytes stay where they are until the message is done, or for ever.
    unsafe {
        let (mut message, kind) = (ffi::RSMPI_REQUEST_NULL, ffi::RSMPI_UINT8_T);
        let world = ffi::RSMPI_COMM_WORLD;
        let start = bytes.as_ptr().cast();
        check(ffi::MPI_Isend(start, len, kind, rank, TAG, world, &raw mut message))?;
        Ok(message)
    }
}

/// Begins to receive into `bytes`, which [`Mpi::exchange`] keeps until the message is done.
fn receive_from(rank: c_int, bytes: &mut [u8]) -> Result<ffi::MPI_Request, String> {
    let len = c_int::try_from(bytes.len()).map_err(|error| error.to_string())?;
    // SAFETY: as in `send_to`; nothing else reads or writes these bytes meanwhile.
    unsafe {
        let (mut message, kind) = (ffi::RSMPI_REQUEST_NULL, ffi::RSMPI_UINT8_T);
        let world = ffi::RSMPI_COMM_WORLD;
        let start = bytes.as_mut_ptr().cast();
        check(ffi::MPI_Irecv(start, len, kind, rank, TAG, world, &raw mut message))?;
        Ok(message)
    }
}

/// Waits until all `messages` are done, as long as all ranks are there.
fn wait(messages: &mut [ffi::MPI_Request], is_whole: &dyn Fn() -> bool) -> Result<(), String> {
    let start = Instant::now();
    loop {
        // Before MPI is called, which may end the process when a rank is lost.
        if !is_whole() {
            return Err("a rank is lost".to_owned());
        }
        let mut are_done = true;
        for message in &mut *messages {
            let mut is_done = 0;
            // SAFETY: a request of `send_to` or `receive_from`, or none any more.
            check(unsafe { ffi::MPI_Test(message, &raw mut is_done, ffi::RSMPI_STATUS_IGNORE) })?;
            are_done &= is_done != 0;
        }
        if are_done {
            return Ok(());
        }
        if start.elapsed() > BUSY {
            thread::sleep(REST);
        } else {
            thread::yield_now();
        }
    }
}

/// What MPI says of an error.
fn check(code: c_int) -> Result<(), String> {
    // The one code that the standard fixes.
    if code == 0 {
        return Ok(());
    }
    let (mut text, mut len) = ([0_u8; 8192], 0);
    // SAFETY: no library's messages are as long as the room for them.
    unsafe { ffi::MPI_Error_string(code, text.as_mut_ptr().cast(), &raw mut len) };
    let text = &text[..usize::try_from(len).unwrap_or(0).min(text.len())];
    Err(String::from_utf8_lossy(text).trim_end().to_owned())
}
