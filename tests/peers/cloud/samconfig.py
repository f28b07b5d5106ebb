"""Every stage of samconfig.toml names parameters that template.yaml has, with values it takes, and no secret."""

import re
import sys
import tomllib

from cfnlint.decode.cfn_yaml import load
from samcli.cli.types import CfnParameterOverridesType

parameters = load("template.yaml")["Parameters"]
with open("samconfig.toml", "rb") as file:
    config = tomllib.load(file)
stages = {name: part["deploy"]["parameters"] for name, part in config.items() if name != "version" and "deploy" in part}
wrong = []

if sorted(stages) != sorted(parameters["Stage"]["AllowedValues"]):
    wrong.append(f"stages are {sorted(stages)}")
for stage, deploy in stages.items():
    given = CfnParameterOverridesType().convert(deploy["parameter_overrides"], None, None)
    if given.get("Stage") != stage:
        wrong.append(f"{stage}: Stage={given.get('Stage')}")
    for name, value in given.items():
        parameter = parameters.get(name)
        if parameter is None:
            wrong.append(f"{stage}: the template has no parameter {name}")
        elif parameter.get("NoEcho"):
            wrong.append(f"{stage}: {name} is a secret, it does not belong in a file")
        elif value not in parameter.get("AllowedValues", [value]):
            wrong.append(f"{stage}: {name}={value} is not allowed")
        elif not re.fullmatch(parameter.get("AllowedPattern", ".*"), value):
            wrong.append(f"{stage}: {name}={value} {parameter['ConstraintDescription']}")

sys.exit("\n".join(wrong) or 0)
