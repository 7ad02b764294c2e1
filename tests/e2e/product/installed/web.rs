//! A web server for a handful of files.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Serves the files of a directory, each by its last name wherever it is asked
/// for; it ends when dropped.
pub(super) struct Web {
    address: String,
    done: Arc<AtomicBool>,
}

impl Web {
    pub(super) fn of(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (dir, done) = (dir.to_owned(), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&done);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                // Who hangs up early is the test's own affair.
                answer(&dir, stream).ok();
            }
        });
        Self { address, done }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        TcpStream::connect(&self.address).ok();
    }
}

fn answer(dir: &Path, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let name = PathBuf::from(path);
    let content = std::fs::read(dir.join(name.file_name().unwrap_or_default()));
    let (status, content) = match content {
        Ok(content) => ("200 OK", content),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = content.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/gzip\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    if method != Some("HEAD") {
        stream.write_all(&content)?;
    }
    stream.shutdown(Shutdown::Write)
}
