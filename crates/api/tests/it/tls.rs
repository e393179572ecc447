//! Row R32: who cannot prove who he is gets no request. Real sockets, real time, no timing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk_api::transport::reqwest::{BuildError, ReqwestOptions, ReqwestTransport};
use frontdesk_api::{BaseUrl, CallOptions, Client, Error, ErrorKind, TransportKind};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{Open, credentials};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("certificates/", $name)).as_slice()
    };
}

const OURS: &[u8] = file!("ours.pem");

/// A TLS server with this certificate that answers everything with an empty 200, and counts what it was asked.
struct Server {
    base: BaseUrl,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(certificate: &[u8], versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(file!("leaf.key")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        Self::accept(move |stream, requests| {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                if !matches!(stream.read(&mut byte), Ok(1)) {
                    return;
                }
                head.push(byte[0]);
            }
            requests.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        })
    }

    fn accept(serve: impl Fn(std::net::TcpStream, &AtomicUsize) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        // The thread ends with the process: it only ever waits for a connection.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &counter);
            }
        });
        Self { base, requests }
    }

    async fn ask(&self, extra_roots: Option<&[u8]>) -> Result<usize, Error> {
        let mut options = ReqwestOptions::default();
        options.extra_roots = extra_roots.map(<[u8]>::to_vec);
        let transport = Arc::new(ReqwestTransport::new(&options).unwrap());
        let client = Client::builder(self.base.clone(), credentials()).build(transport);
        client.send(&Open {}, &CallOptions::default().attempts(1)).await
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_given() {
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let server = Server::start(file!("good.pem"), versions);
        assert_eq!(server.ask(Some(OURS)).await.unwrap(), 0);
        assert_eq!(server.requests.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn everybody_else_is_refused_and_sent_nothing() {
    for (name, certificate, roots) in [
        ("expired", file!("expired.pem"), Some(OURS)),
        ("not yet valid", file!("future.pem"), Some(OURS)),
        ("another host", file!("wrong-host.pem"), Some(OURS)),
        ("an unknown authority", file!("unknown.pem"), Some(OURS)),
        ("signed by itself", file!("self-signed.pem"), Some(OURS)),
        ("good, but the authority was not given", file!("good.pem"), None),
    ] {
        let server = Server::start(certificate, rustls::ALL_VERSIONS);
        let error = server.ask(roots).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Transport(TransportKind::Tls), "{name}: {error:?}");
        assert_eq!(server.requests.load(Ordering::Relaxed), 0, "{name}");
        assert!(error.hint().unwrap().contains("--ca-file"));
    }
}

#[tokio::test]
async fn an_old_version_or_a_broken_handshake_is_refused() {
    // A server hello of TLS 1.1; an answer that is no TLS; an answer that ends inside a record; none at all.
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    for (answer, kinds) in [
        (hello, &[TransportKind::Tls][..]),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), &[TransportKind::Tls]),
        (vec![22, 3, 3, 0, 80, 2, 0], &[TransportKind::Connect]),
        (Vec::new(), &[TransportKind::Connect]),
    ] {
        let server = Server::accept(move |mut stream, _| {
            let mut hello = [0; 4_096];
            let _ = stream.read(&mut hello);
            let _ = stream.write_all(&answer);
        });
        let error = server.ask(Some(OURS)).await.unwrap_err();
        let ErrorKind::Transport(kind) = error.kind() else { panic!("{error:?}") };
        assert!(kinds.contains(kind), "{error:?}");
    }
}

#[test]
fn roots_that_cannot_be_read_are_refused_at_once() {
    for bad in [
        b"".as_slice(),
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        file!("leaf.key"),
    ] {
        let mut options = ReqwestOptions::default();
        options.extra_roots = Some(bad.to_vec());
        assert!(matches!(ReqwestTransport::new(&options), Err(BuildError::ExtraRoots(_))), "{bad:?}");
    }
    let mut options = ReqwestOptions::default();
    options.proxy = Some("not a url, with a pass:word".to_owned());
    let error = ReqwestTransport::new(&options).unwrap_err();
    assert!(matches!(error, BuildError::Proxy) && !error.to_string().contains("word"));
}
