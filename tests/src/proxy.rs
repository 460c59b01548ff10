//! A network between a client and a PostgreSQL server that fails when it is told to.
//!
//! It understands the framing of the protocol (PostgreSQL documentation, "Message Flow"), so it
//! can cut a connection at a certain statement, before the server has heard of it or after the
//! server has done it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A proxy. Its thread ends with the process.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Statements that clients have sent.
    statements: AtomicU64,
    fault: Mutex<Option<Fault>>,
    /// Of a thousand messages, how many are in trouble.
    trouble: AtomicU32,
    troubles: AtomicU64,
    /// What the server says, and what clients hear instead. As long.
    rewritten: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    random: AtomicU64,
}

/// What happens to one statement, after which the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server does not hear of the statement with this number, counted from 1.
    Before(u64),
    /// The server does it, and its answer is lost.
    After(u64),
}

impl Proxy {
    /// Listens on a port of its own and forwards to another one, both on this machine.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    shared.forward(client, server);
                }
            }
        });
        Self { port, state }
    }

    /// Where clients find it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes one statement from now on fail.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn fail(&self, fault: Fault) {
        let sent = self.state.statements.load(Ordering::SeqCst);
        *self.state.fault.lock().unwrap() = Some(match fault {
            Fault::Before(number) => Fault::Before(sent + number),
            Fault::After(number) => Fault::After(sent + number),
        });
    }

    /// Whether the statement that was to fail has come.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn has_failed(&self) -> bool {
        self.state.fault.lock().unwrap().is_none()
    }

    /// How many statements clients have sent.
    pub fn statements(&self) -> u64 {
        self.state.statements.load(Ordering::SeqCst)
    }

    /// Of a thousand messages so many are delayed, or end their connection in one of several ways.
    pub fn trouble(&self, of_a_thousand: u32) {
        self.state.trouble.store(of_a_thousand, Ordering::SeqCst);
    }

    /// How many messages were in trouble.
    pub fn troubles(&self) -> u64 {
        self.state.troubles.load(Ordering::SeqCst)
    }

    /// Has clients hear something else, of the same length, than what the server answers.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn rewrite(&self, said: &[u8], heard: &[u8]) {
        assert_eq!(said.len(), heard.len());
        *self.state.rewritten.lock().unwrap() = Some((said.to_vec(), heard.to_vec()));
    }
}

/// The code of the message that asks for TLS.
const TLS_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

impl State {
    fn forward(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let Ok(ends) = client
            .try_clone()
            .and_then(|other| Ok((other, server.try_clone()?)))
        else {
            return;
        };
        // The number of the statement whose answer is the last that the client does not get.
        let lost = Arc::new(AtomicU64::new(0));
        let (state, losing) = (Arc::clone(self), Arc::clone(&lost));
        thread::spawn(move || {
            let _ = state.requests(&client, &server, &losing);
            cut(&client, &server);
        });
        let (client, server) = ends;
        let state = Arc::clone(self);
        thread::spawn(move || {
            let _ = state.answers(&server, &client, &lost);
            cut(&client, &server);
        });
    }

    /// Forwards what the client sends, statement by statement.
    fn requests(&self, client: &TcpStream, server: &TcpStream, lost: &AtomicU64) -> io::Result<()> {
        // The first messages have no type. One that asks for TLS is answered here, with no.
        let mut message = frame(client, 0)?;
        while message[4..] == TLS_REQUEST {
            (&*client).write_all(b"N")?;
            message = frame(client, 0)?;
        }
        loop {
            // A simple query, or the execution of a prepared one.
            if matches!(message.first(), Some(b'Q' | b'E')) && message.len() > 4 {
                let number = self.statements.fetch_add(1, Ordering::SeqCst) + 1;
                let mut fault = self.fault.lock().unwrap();
                match *fault {
                    Some(Fault::Before(wanted)) if number >= wanted => {
                        *fault = None;
                        return Ok(());
                    }
                    Some(Fault::After(wanted)) if number >= wanted => {
                        *fault = None;
                        lost.store(1, Ordering::SeqCst);
                    }
                    _ => {}
                }
            }
            if self.is_troubled() && !self.survives(client, server) {
                return Ok(());
            }
            (&*server).write_all(&message)?;
            message = frame(client, 1)?;
        }
    }

    /// Forwards what the server answers, unless the answer is to be lost. It is complete when the
    /// server is ready for the next statement, and then the connection ends.
    fn answers(&self, server: &TcpStream, client: &TcpStream, lost: &AtomicU64) -> io::Result<()> {
        loop {
            let mut message = frame(server, 1)?;
            self.rewrite(&mut message);
            if lost.load(Ordering::SeqCst) > 0 {
                if message[0] == b'Z' {
                    return Ok(());
                }
                continue;
            }
            if self.is_troubled() && !self.survives(server, client) {
                return Ok(());
            }
            (&*client).write_all(&message)?;
        }
    }

    fn rewrite(&self, message: &mut [u8]) {
        if let Some((said, heard)) = &*self.rewritten.lock().unwrap()
            && let Some(place) = message.windows(said.len()).position(|part| part == said)
        {
            message[place..place + heard.len()].copy_from_slice(heard);
        }
    }

    fn is_troubled(&self) -> bool {
        let troubled = self.random() % 1000 < u64::from(self.trouble.load(Ordering::SeqCst));
        self.troubles
            .fetch_add(u64::from(troubled), Ordering::SeqCst);
        troubled
    }

    /// Brings a connection into trouble, and says whether it goes on.
    fn survives(&self, from: &TcpStream, to: &TcpStream) -> bool {
        match self.random() % 4 {
            0 => return false,
            1 => {
                // The other end sees that nothing more comes, and may still send.
                let _ = to.shutdown(Shutdown::Write);
                thread::sleep(Duration::from_millis(5));
                return false;
            }
            2 => {
                // What comes is swallowed for a while before the connection breaks.
                let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
                let mut swallowed = [0; 1 << 12];
                while matches!((&*from).read(&mut swallowed), Ok(1..)) {}
                return false;
            }
            _ => thread::sleep(Duration::from_millis(self.random() % 20)),
        }
        true
    }

    /// `SplitMix64`: good enough to choose among troubles.
    fn random(&self) -> u64 {
        let mut bits = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

fn cut(client: &TcpStream, server: &TcpStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Reads a message whose type has so many bytes: type, length, and the rest.
fn frame(mut from: &TcpStream, kind: usize) -> io::Result<Vec<u8>> {
    let mut message = vec![0; kind + 4];
    from.read_exact(&mut message)?;
    let length = [0, 1, 2, 3].map(|byte| message[kind + byte]);
    message.resize(kind + u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut message[kind + 4..])?;
    Ok(message)
}
