// A trip on grid lines, without outside map tiles: <div class="ims-map" data-map="ID of a json_script" data-icons="sprite">
// The JSON: {"plan": [[lat, lng]…], "track": [[lat, lng]…], "stations": [{name, lat, lng}…], "vehicle": "name, speed"}
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 0.1; // degrees between grid lines

  const label = (text) => Object.assign(document.createElement("span"), { textContent: text });

  const truck = (sprite) => {
    const drawing = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    drawing.setAttribute("class", "i");
    use.setAttribute("href", `${sprite}#truck`);
    drawing.append(use);
    return drawing;
  };

  const show = (element) => {
    const trip = JSON.parse(document.getElementById(element.dataset.map).textContent);
    const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim();
    const map = L.map(element, { attributionControl: false, zoomSnap: 0.25 });
    const layer = L.layerGroup().addTo(map);
    const bounds = L.latLngBounds([...trip.plan, ...trip.track]).pad(0.15);
    const line = (points, style) => L.polyline(points, { interactive: false, ...style }).addTo(layer);

    const grid = () => {
      const wide = bounds.pad(3);
      const thin = { color: colour("--ims-line"), weight: 1 };
      const first = (degrees) => Math.floor(degrees / STEP) * STEP;
      for (let x = first(wide.getWest()); x < wide.getEast(); x += STEP)
        line([[wide.getSouth(), x], [wide.getNorth(), x]], thin);
      for (let y = first(wide.getSouth()); y < wide.getNorth(); y += STEP)
        line([[y, wide.getWest()], [y, wide.getEast()]], thin);
    };

    const station = ({ name, lat, lng }) => {
      const right = lng > bounds.getCenter().lng;
      const icon = L.divIcon({ className: right ? "ims-pin flip" : "ims-pin", iconSize: [14, 14], html: label(name) });
      L.marker([lat, lng], { keyboard: false, icon }).addTo(layer);
    };

    const vehicle = () => {
      if (!trip.track.length) return;
      const icon = L.divIcon({ className: "ims-truck", iconSize: [34, 34], html: truck(element.dataset.icons) });
      L.marker(trip.track.at(-1), { alt: trip.vehicle, title: trip.vehicle, icon }).addTo(layer);
    };

    const draw = () => {
      layer.clearLayers();
      grid();
      line(trip.plan, { color: colour("--ims-ink2"), weight: 3, dashArray: "2 7" });
      line(trip.track, { color: colour("--ims-run"), weight: 4 });
      trip.stations.forEach(station);
      vehicle();
    };

    map.fitBounds(bounds);
    L.control.scale({ imperial: false }).addTo(map);
    draw();
    addEventListener("ims:theme", draw);
    // A new fix: element.dispatchEvent(new CustomEvent("ims:fix", {detail: [lat, lng]}))
    element.addEventListener("ims:fix", (event) => {
      trip.track.push(event.detail);
      draw();
    });
  };

  if (window.L) document.querySelectorAll("[data-map]").forEach(show);
})();
