"""What a service takes and offers: VOTable job descriptions and VOSI."""

from typing import Any

from quire.faces.uws.times import write_time
from quire.faces.uws.xml import XSI, legal, library
from quire.jobs.parameters import Parameter, ParameterType, as_text
from quire.ports.kind import Kind

VOTABLE_TYPE = "application/x-votable+xml"
_VOTABLE = "http://www.ivoa.net/xml/VOTable/v1.3"
_AVAILABILITY = "http://www.ivoa.net/xml/VOSIAvailability/v1.0"
_CAPABILITIES = "http://www.ivoa.net/xml/VOSICapabilities/v1.0"
_RESOURCES = "http://www.ivoa.net/xml/VOResource/v1.0"
_SERVICES = "http://www.ivoa.net/xml/VODataService/v1.1"
_STANDARDS = {
    "ivo://ivoa.net/std/UWS#rest-1.1": "jobs",
    "ivo://ivoa.net/std/DALI#async": "async",
    "ivo://ivoa.net/std/DALI#sync": "sync",
    "ivo://ivoa.net/std/VOSI#availability": "availability",
    "ivo://ivoa.net/std/VOSI#capabilities": "capabilities",
}
_DATATYPES = {
    ParameterType.NUMBER: "double",
    ParameterType.INTEGER: "long",
    ParameterType.BOOLEAN: "boolean",
}
# VOTable 1.4, section 4.7: what follows is an address, or JSON.
_XTYPES = {ParameterType.FILE: "uri", ParameterType.OBJECT: "json"}


def job_description(kind: Kind) -> bytes:
    """Return the parameters of a kind as a VOTable, as OPUS describes its jobs."""
    etree = library()
    table = etree.Element("VOTABLE", version="1.4", xmlns=_VOTABLE)
    resource = etree.SubElement(
        table,
        "RESOURCE",
        {"name": kind.name, "type": "meta", "utype": "voprov:ActivityDescription"},
    )
    etree.SubElement(resource, "DESCRIPTION").text = legal(kind.description)
    groups = {
        "InputParams": [p for p in kind.parameters if p.type is not ParameterType.FILE],
        "Used": [p for p in kind.parameters if p.type is ParameterType.FILE],
    }
    for name, parameters in groups.items():
        group = etree.SubElement(resource, "GROUP", name=name)
        for parameter in parameters:
            _add_parameter(group, parameter)
    return _written(table)


def availability(trouble: str, started: float) -> bytes:
    """Return whether the service is available (VOSI 1.1, section 5).

    Parameters
    ----------
    trouble
        Why it is not, empty if it is.
    started
        Unix seconds.
    """
    etree = library()
    element = etree.Element(
        f"{{{_AVAILABILITY}}}availability", nsmap={"vosi": _AVAILABILITY}
    )
    facts = {
        "available": "false" if trouble else "true",
        "upSince": write_time(started),
        "note": trouble,
    }
    for name, text in facts.items():
        if text:
            child = etree.SubElement(element, f"{{{_AVAILABILITY}}}{name}")
            child.text = legal(text)
    return _written(element)


def capabilities(service: str) -> bytes:
    """Return what the service offers, and where (VOSI 1.1, section 4).

    Parameters
    ----------
    service
        Its absolute address.
    """
    etree = library()
    names = {"vosi": _CAPABILITIES, "vs": _SERVICES, "vr": _RESOURCES, "xsi": XSI}
    element = etree.Element(f"{{{_CAPABILITIES}}}capabilities", nsmap=names)
    for standard, path in _STANDARDS.items():
        capability = etree.SubElement(element, "capability", standardID=standard)
        interface = etree.SubElement(
            capability, "interface", {f"{{{XSI}}}type": "vs:ParamHTTP", "role": "std"}
        )
        address = etree.SubElement(
            interface, "accessURL", use="full" if path != "jobs" else "base"
        )
        address.text = f"{service}/{path}"
        if not standard.startswith("ivo://ivoa.net/std/VOSI"):
            method = "ivo://ivoa.net/sso#BasicAA"
            etree.SubElement(interface, "securityMethod", standardID=method)
    return _written(element)


def _add_parameter(group: Any, parameter: Parameter) -> None:
    etree = library()
    datatype = _DATATYPES.get(parameter.type, "unicodeChar")
    attributes = {
        "name": legal(parameter.name),
        "datatype": datatype,
        "value": _default(parameter),
        "utype": "voprov:ParameterDescription",
    }
    if datatype == "unicodeChar" or parameter.multiple:
        attributes["arraysize"] = "*"
    if parameter.unit:
        attributes["unit"] = legal(parameter.unit)
    if parameter.type in _XTYPES:
        attributes["xtype"] = _XTYPES[parameter.type]
    element = etree.SubElement(group, "PARAM", attributes)
    if parameter.description:
        etree.SubElement(element, "DESCRIPTION").text = legal(parameter.description)
    _add_values(element, parameter)
    if parameter.required:
        etree.SubElement(element, "LINK", {"content-role": "required"})


def _add_values(element: Any, parameter: Parameter) -> None:
    etree = library()
    bounds = {"MIN": parameter.least, "MAX": parameter.most}
    known = {name: bound for name, bound in bounds.items() if bound is not None}
    if known or parameter.choices:
        values = etree.SubElement(element, "VALUES")
        for name, bound in known.items():
            etree.SubElement(values, name, value=f"{bound:.17g}")
        for choice in parameter.choices:
            etree.SubElement(values, "OPTION", value=legal(choice))


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return ""
    several = parameter.default if parameter.multiple else [parameter.default]
    return legal(" ".join(map(as_text, several)))


def _written(element: Any) -> bytes:
    text: bytes = library().tostring(
        element, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    return text
