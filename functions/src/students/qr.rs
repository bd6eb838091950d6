//! A student's QR code in responses: its text, and its image as SVG or PNG.

use std::io;

use jiff::Timestamp;
use qrcode::{Color, EcLevel, QrCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use thali_domain::Unacceptable;
use thali_domain::staff::gate::QrKeys;
use thali_domain::students::qr::{Code, Kid, MessKey};
use thali_platform::app::App;
use thali_platform::store::Member;
use utoipa::ToSchema;

/// A code.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// The text of the QR code.
    pub qr_data: String,
    kid: Kid,
    #[schema(value_type = String, format = DateTime)]
    issued_at: Timestamp,
}

impl CodeView {
    /// The code of a student, signed with the mess's current key.
    pub fn of(app: &App, member: &Member, keys: &QrKeys) -> Self {
        let kid = keys.current;
        let key = MessKey::derive(app.qr_key().expose_secret().as_bytes(), &member.mess_id, kid);
        let code = Code { account_id: member.account_id, kid, nonce: member.qr_nonce.clone() };
        let issued_at = keys.since.map_or(member.qr_issued_at, |at| at.max(member.qr_issued_at));
        Self { qr_data: key.sign(&member.mess_id, &code), kid, issued_at }
    }
}

/// Format of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(as = CodeFormat, rename_all = "lowercase")]
pub enum Format {
    /// The code's text, as JSON.
    #[default]
    Json,
    /// A scalable SVG drawing.
    Svg,
    /// A picture.
    Png,
}

impl std::str::FromStr for Format {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            _ => Err(Unacceptable("must be json, svg or png".to_owned())),
        }
    }
}

/// The side of a module in the PNG, in pixels. The whole picture has about 500 pixels a side: a
/// phone shows it sharply, and a printer prints it at the size of a stamp.
const MODULE_PX: usize = 8;

/// The width of the white border, in modules (ISO/IEC 18004 requires four).
const QUIET_MODULES: usize = 4;

/// A code that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The text is too long, which our codes never are.
    #[error("the code does not fit into a picture")]
    TooLong(#[from] qrcode::types::QrError),
    /// The picture's encoder failed.
    #[error("the picture cannot be encoded")]
    Encoding(#[from] png::EncodingError),
}

/// Encodes a code with medium error correction, for screens with cracks and smudges.
fn modules(text: &str) -> Result<QrCode, DrawError> {
    Ok(QrCode::with_error_correction_level(text, EcLevel::M)?)
}

/// A code as an SVG drawing.
pub fn svg(text: &str) -> Result<String, DrawError> {
    let drawn = modules(text)?.render::<qrcode::render::svg::Color<'_>>().build();
    Ok(drawn)
}

/// A code as a PNG picture with one bit per pixel.
pub fn png(text: &str) -> Result<Vec<u8>, DrawError> {
    let code = modules(text)?;
    let side_px = (code.width() + 2 * QUIET_MODULES) * MODULE_PX;
    let is_dark = |x_px: usize, y_px: usize| {
        let module = |px: usize| (px / MODULE_PX).checked_sub(QUIET_MODULES);
        match (module(x_px), module(y_px)) {
            (Some(x), Some(y)) if x < code.width() && y < code.width() => {
                code[(x, y)] == Color::Dark
            }
            _ => false,
        }
    };
    let row = |y: usize| {
        (0..side_px).step_by(8).map(move |start| {
            // A set bit is white; the leftmost pixel is the highest bit.
            (start..start + 8).fold(0_u8, |bits, x| bits << 1 | u8::from(!is_dark(x, y)))
        })
    };
    let pixels: Vec<u8> = (0..side_px).flat_map(row).collect();
    let mut picture = io::Cursor::new(Vec::new());
    let side = u32::try_from(side_px).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(picture.into_inner())
}
