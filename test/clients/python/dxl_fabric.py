"""A DXL fabric of one broker: the certificates that it takes, and the clients' configuration, as files."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tidemark import free_port

DAY = datetime.timedelta(days=1)


class Fabric:
    def __init__(self, folder):
        self.port = free_port()
        self._folder = folder
        self._authority = _certified('Tidemark test authority')
        broker, client = (self._write(name) for name in ('broker', 'client'))
        authority = folder / 'ca.pem'
        authority.write_bytes(_pem(self._authority[1]))
        self.settings = {
            'DXL_MQTT_PORT': str(self.port),
            'DXL_MQTT_KEY': str(broker[0]),
            'DXL_MQTT_CERT': str(broker[1]),
            'DXL_MQTT_CA': str(authority),
        }
        self.config = folder / 'dxlclient.config'
        self.config.write_text(
            f'[Certs]\nBrokerCertChain={authority}\nCertFile={client[1]}\nPrivateKey={client[0]}\n\n'
            f'[Brokers]\ntidemark=tidemark;{self.port};127.0.0.1;127.0.0.1\n'
        )

    def _write(self, name):
        key, certificate = _certified(name, self._authority)
        paths = (self._folder / f'{name}.key', self._folder / f'{name}.pem')
        paths[0].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        paths[1].write_bytes(_pem(certificate))
        return paths


def _certified(name, by=None):
    """RSA, because what the client offers of TLS 1.2 needs it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by[1].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(key if by is None else by[0], hashes.SHA256())
    )
    return key, certificate


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
