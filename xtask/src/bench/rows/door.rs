//! Asking a sandbox that serves as a process of its own, and telling it something.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// The body of a small answer.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    ask(address, path, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// Posts JSON, and gives the body of the answer.
pub(super) fn post(address: SocketAddr, path: &str, body: &str) -> Result<String, String> {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    ask(address, path, &request)
}

fn ask(address: SocketAddr, path: &str, request: &str) -> Result<String, String> {
    let answer = || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = answer().map_err(|error| format!("{address}{path}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!("{address}{path}: {answer}")),
    }
}
