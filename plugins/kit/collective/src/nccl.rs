//! Bytes carried by NCCL, from GPU to GPU.
//!
//! Not by its all-reduce: values are in the memory of processors before and after, and are added
//! there in the order of the ring.

use std::sync::Arc;
use std::thread;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream};
use cudarc::nccl::result::NcclError;
use cudarc::nccl::{Comm, Id, group_end, group_start};

use crate::carrier::{Carrier, Parcel, words};
use crate::rendezvous::Place;

/// Bytes of what a group is known by.
const ID_BYTES: usize = 128;

/// What the ranks of a new group know each other by; one of them makes it.
pub(crate) fn new_id() -> Result<Vec<u8>, String> {
    // A library that is not there makes the thread that calls it panic.
    let made = thread::spawn(|| Id::new().map_err(said)).join();
    let id = made.map_err(|panic| words(&*panic))??;
    Ok(id.internal().iter().flat_map(|byte| byte.to_ne_bytes()).collect())
}

/// The GPU of this process among those that NCCL has connected.
pub(crate) struct Nccl {
    comm: Comm,
    stream: Arc<CudaStream>,
    previous: i32,
    next: i32,
    sent: Option<CudaSlice<u8>>,
    received: Option<CudaSlice<u8>>,
}

impl Nccl {
    /// Connects the first GPU that this process sees, as the rank `place` of the group `id`.
    pub(crate) fn connect(place: Place, id: &[u8]) -> Result<Self, String> {
        let id: &[u8; ID_BYTES] = id.try_into().map_err(|_| "rank 0 has another version of it")?;
        let id = Id::uninit(id.map(|byte| std::ffi::c_char::from_ne_bytes([byte])));
        let context = CudaContext::new(0).map_err(|error| error.to_string())?;
        let stream = context.new_stream().map_err(|error| error.to_string())?;
        let comm = Comm::from_rank(stream.clone(), place.rank, place.ranks, id).map_err(said)?;
        let number = |rank: usize| i32::try_from(rank).unwrap_or(i32::MAX);
        let (previous, next) = (number(place.previous()), number(place.next()));
        Ok(Self { comm, stream, previous, next, sent: None, received: None })
    }

    /// Starts sending and receiving, as one operation of the stream.
    fn start(
        &self,
        sent: Option<&CudaSlice<u8>>,
        received: Option<&mut CudaSlice<u8>>,
    ) -> Result<(), NcclError> {
        group_start()?;
        if let Some(sent) = sent {
            self.comm.send(sent, self.next)?;
        }
        if let Some(received) = received {
            self.comm.recv(received, self.previous)?;
        }
        group_end().map(drop)
    }
}

impl Carrier for Nccl {
    fn exchange(
        &mut self,
        mut parcel: Parcel,
        is_whole: &dyn Fn() -> bool,
    ) -> Result<Parcel, String> {
        let driver = |error: cudarc::driver::DriverError| error.to_string();
        let Parcel { send, receive } = &mut parcel;
        let mut sent = room(self.sent.take(), &self.stream, send.len())?;
        let mut received = room(self.received.take(), &self.stream, receive.len())?;
        if let Some(sent) = &mut sent {
            self.stream.memcpy_htod(send.as_slice(), sent).map_err(driver)?;
        }
        self.start(sent.as_ref(), received.as_mut()).map_err(said)?;
        let done = self.stream.record_event(None).map_err(driver)?;
        while !done.try_is_complete().map_err(driver)? {
            if !is_whole() {
                return Err("a rank is lost".to_owned());
            }
            thread::yield_now();
        }
        if let Some(received) = &received {
            self.stream.memcpy_dtoh(received, receive.as_mut_slice()).map_err(driver)?;
            self.stream.synchronize().map_err(driver)?;
        }
        (self.sent, self.received) = (sent, received);
        Ok(parcel)
    }

    fn end(self: Box<Self>) -> Result<(), String> {
        self.stream.synchronize().map_err(|error| error.to_string())
    }
}

/// Memory of the GPU for `len` bytes: what was used before when it is as long, none for none.
fn room(
    before: Option<CudaSlice<u8>>,
    stream: &Arc<CudaStream>,
    len: usize,
) -> Result<Option<CudaSlice<u8>>, String> {
    match before {
        _ if len == 0 => Ok(None),
        Some(room) if room.len() == len => Ok(Some(room)),
        _ => stream.alloc_zeros(len).map(Some).map_err(|error| error.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
fn said(error: NcclError) -> String {
    format!("{:?}", error.0)
}
