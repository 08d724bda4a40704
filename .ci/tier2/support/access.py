"""How clients get in: certificates that are made here, and credentials."""

import datetime
import ipaddress
import ssl

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TOKEN = "tier2-token-0123456789"
DAY = datetime.timedelta(days=1)


class Access:
    """What a server asks of its clients, and the means that fulfil it: files of PEM, and a token."""

    def __init__(self, folder, has_tls=False, is_mutual=False, token=None):
        """With certificates of its own, in a new folder."""
        self.is_mutual = is_mutual
        self.token = token
        self.scheme = "https" if has_tls else "http"
        self._folder = folder / "access"
        self._folder.mkdir(parents=True)
        authority = Authority("tier 2")
        self.authority = self._folder / "authority.pem"
        self.authority.write_bytes(pem(authority.certificate))
        self._server = authority.issue(self._folder, "server", ExtendedKeyUsageOID.SERVER_AUTH)
        self.client = authority.issue(self._folder, "client", ExtendedKeyUsageOID.CLIENT_AUTH)

    @property
    def has_tls(self):
        """Whether anything is encrypted."""
        return self.scheme == "https"

    def settings(self):
        """With which forebay asks for it."""
        settings = {}
        if self.has_tls:
            settings |= named(["RECEIVE_TLS_CERT_FILE", "RECEIVE_TLS_KEY_FILE"], self._server)
        if self.is_mutual:
            settings["RECEIVE_TLS_CLIENT_CA_FILE"] = self.authority
        if self.token is not None:
            tokens = self._folder / "tokens"
            tokens.write_text(f"another-{self.token}\n{self.token}\n", encoding="utf-8")
            settings["RECEIVE_AUTH_TOKENS_FILE"] = tokens
        return settings

    def headers(self):
        """What every request shows."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    def over_http(self):
        """The options of Python's exporters over HTTP."""
        return {"headers": self.headers(), **self._files("certificate_file", "client_certificate_file", "client_key_file")}

    def over_grpc(self):
        """The options of Python's exporters over gRPC."""
        way = {"credentials": self.credentials()} if self.has_tls else {"insecure": True}
        return {"headers": self.headers(), **way}

    def credentials(self):
        """Those of a gRPC channel."""
        certificate, key = (file.read_bytes() for file in self.client) if self.is_mutual else (None, None)
        return grpc.ssl_channel_credentials(self.authority.read_bytes(), key, certificate)

    def context(self, client=True):
        """The TLS of a client of Python's own, with its certificate, or another one, or none."""
        context = ssl.create_default_context(cafile=self.authority)
        if client:
            context.load_cert_chain(*(self.client if client is True else client))
        return context

    def environment(self):
        """The variables by which SDKs are told."""
        names = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"]
        variables = self._files(*(f"OTEL_EXPORTER_OTLP_{name}" for name in names))
        if self.token is not None:
            variables["OTEL_EXPORTER_OTLP_HEADERS"] = f"authorization=Bearer%20{self.token}"
        return variables

    def collector(self):
        """The section `tls` of an exporter of the Collector."""
        return self._files("ca_file", "cert_file", "key_file") or {"insecure": True}

    def _files(self, authority, certificate, key):
        """What clients need, by the names that they have for it."""
        files = {authority: str(self.authority)} if self.has_tls else {}
        return files | (named([certificate, key], map(str, self.client)) if self.is_mutual else {})


def access_by(folder, way):
    """The access that words name: TLS, mTLS, token."""
    return Access(folder, "TLS" in way, "mTLS" in way, TOKEN if "token" in way else None)


def named(names, values):
    """A dictionary of both."""
    return dict(zip(names, values, strict=True))


class Authority:
    """An authority that nobody but those who have its file trusts."""

    def __init__(self, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = [(x509.BasicConstraints(ca=True, path_length=0), True)]
        self.certificate = self._sign(self._name, self._key, constraints)

    def issue(self, folder, name, usage):
        """A certificate for this machine and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        extensions = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectAlternativeName(addresses), False),
            (x509.ExtendedKeyUsage([usage]), False),
        ]
        certificate, private = folder / f"{name}.pem", folder / f"{name}-key.pem"
        certificate.write_bytes(pem(self._sign(subject, key, extensions)))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, private

    def _sign(self, subject, key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(self._key, hashes.SHA256())


def pem(certificate):
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)
