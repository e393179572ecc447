//! What the signed link of a spoken recording leads to.

use http::Method;
use http::StatusCode;
use sha2::{Digest, Sha256};

use crate::form;
use crate::moment::Moment;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::visit::Call;
use crate::reply::{Body, Reply};

const RECORDING: &str = "/downloads/recordings/{recordingId}/audio.wav";

pub(super) const ROUTES: &[Operation] =
    &[Operation { method: Method::GET, template: RECORDING, access: Access::Open, answer }];

/// How long a link is good for, in seconds.
const GOOD_FOR: i64 = 3_600;
const SAMPLES: usize = 8_000;

/// A link that is good for an hour from now on.
pub(super) fn link(call: &Call<'_>, recording: &str) -> String {
    let expires = call.now().as_nanos() / 1_000_000_000 + GOOD_FOR;
    let seal = seal(call.sandbox.config().seed, recording, expires);
    let base = call.base();
    format!("{base}/downloads/recordings/{recording}/audio.wav?Expires={expires}&Signature={seal}")
}

fn seal(seed: u64, recording: &str, expires: i64) -> String {
    let hash = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update(recording)
        .chain_update(expires.to_be_bytes())
        .finalize();
    hash[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn answer(call: &Call<'_>) -> Result<Reply, Refusal> {
    let pairs = call.query()?;
    let expires: Option<i64> = form::value(&pairs, "Expires").and_then(|text| text.parse().ok());
    let seed = call.sandbox.config().seed;
    let good = expires.filter(|expires| {
        form::value(&pairs, "Signature") == Some(seal(seed, call.id(0), *expires).as_str())
            && call.now() < Moment::from_nanos(expires.saturating_mul(1_000_000_000))
    });
    if good.is_none() {
        let message = "The link was changed, or it has expired.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not.authorized", message));
    }
    Ok(Reply::new(StatusCode::OK, "audio/wav", Body::from(bytes::Bytes::from(silence()))))
}

/// A second of silence: 8 kHz, eight bits, one channel.
fn silence() -> Vec<u8> {
    let mut wave = Vec::with_capacity(44 + SAMPLES);
    wave.extend_from_slice(b"RIFF");
    wave.extend_from_slice(&u32::try_from(36 + SAMPLES).unwrap_or(0).to_le_bytes());
    wave.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wave.extend_from_slice(&8_000_u32.to_le_bytes());
    wave.extend_from_slice(&8_000_u32.to_le_bytes());
    wave.extend_from_slice(b"\x01\0\x08\0data");
    wave.extend_from_slice(&u32::try_from(SAMPLES).unwrap_or(0).to_le_bytes());
    wave.resize(44 + SAMPLES, 0x80);
    wave
}
