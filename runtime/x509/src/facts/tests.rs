use rcgen::{CertificateParams, KeyPair, SerialNumber};

use super::*;

/// The two content bytes of the certificate's serial number.
const SERIAL: [u8; 2] = [0x7f, 0x01];

/// A certificate in DER whose serial number has these two content bytes.
fn numbered(serial: [u8; 2]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from(SERIAL.to_vec()));
    let key = KeyPair::generate().expect("the system has random bytes");
    let mut der = params.self_signed(&key).expect("the defaults are good").der().to_vec();
    let integer = [0x02, 0x02, SERIAL[0], SERIAL[1]];
    let start = der.windows(4).position(|bytes| *bytes == integer).expect("it is the serial number");
    der[start + 2..start + 4].copy_from_slice(&serial);
    der
}

#[test]
fn certificate_with_a_negative_serial_is_not_presentable() {
    for (serial, is_presentable) in
        [([0x00, 0x80], true), ([0x7f, 0xff], true), ([0x80, 0x00], false), ([0xfe, 0x01], false)]
    {
        let der = numbered(serial);
        let expected = if is_presentable { None } else { Some(ReadError::Serial { block: 3 }) };
        assert_eq!(presentable(&der, 3).err(), expected, "{serial:02x?}");
        assert!(certificate(&der, 3).is_ok(), "{serial:02x?}: a root may have it");
    }
}
